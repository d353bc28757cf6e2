"""Password hashes."""

from __future__ import annotations

import bcrypt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from user.security.password_hasher import PasswordHasher

CHEAP = 4
hasher = PasswordHasher(CHEAP)


def test_a_hash_of_the_documented_format_verifies() -> None:
    # The example in passlib's documentation of bcrypt_sha256.
    known = "$bcrypt-sha256$v=2,t=2b,r=12$n79VH.0Q2TMWmt3Oqt9uku$Kq4Noyk3094Y2QlB8NdRT8SvGiI4ft2"

    assert hasher.verify("password", known)
    assert not hasher.verify("Password", known)


@settings(max_examples=20, deadline=None)
@given(st.text(min_size=8, max_size=128))
def test_any_unicode_password_verifies(password: str) -> None:
    try:
        stored = hasher.hash(password)
    except UnicodeEncodeError:  # a lone surrogate is no character; HTTP refuses it
        return
    assert hasher.verify(password, stored)


def test_nothing_of_a_long_password_is_lost() -> None:
    stored = hasher.hash("a" * 100)

    assert hasher.verify("a" * 100, stored)
    assert not hasher.verify("a" * 72, stored)
    assert not hasher.verify("a" * 99 + "b", stored)


def test_two_hashes_of_one_password_differ() -> None:
    assert hasher.hash("the same") != hasher.hash("the same")


@pytest.mark.parametrize("prefix", [b"2a", b"2b"])
def test_a_hash_of_a_nestjs_table_verifies_and_is_outdated(prefix: bytes) -> None:
    stored = bcrypt.hashpw(b"from the old house", bcrypt.gensalt(CHEAP, prefix)).decode()

    assert hasher.verify("from the old house", stored)
    assert not hasher.verify("another", stored)
    assert hasher.outdated(stored)


def test_an_old_hash_of_a_long_password_verifies_as_it_was_made() -> None:
    stored = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(CHEAP)).decode()

    assert hasher.verify("x" * 80, stored)


def test_a_hash_of_another_cost_is_outdated() -> None:
    stored = hasher.hash("password")

    assert not hasher.outdated(stored)
    assert PasswordHasher(CHEAP + 1).outdated(stored)
    assert PasswordHasher(CHEAP + 1).verify("password", stored)


@pytest.mark.parametrize("stored", [None, "", "plain text", "$2b$04$short", "$argon2id$v=19$x"])
def test_without_a_usable_hash_no_password_is_right(stored: str | None) -> None:
    assert not hasher.verify("password", stored)
