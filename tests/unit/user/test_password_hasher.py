"""Password hashes."""

from __future__ import annotations

import bcrypt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from user.security.password_hasher import Passwords

CHEAP = 4
passwords = Passwords(CHEAP)


def test_a_hash_of_the_documented_format_verifies() -> None:
    # The example in passlib's documentation of bcrypt_sha256.
    known = "$bcrypt-sha256$v=2,t=2b,r=12$n79VH.0Q2TMWmt3Oqt9uku$Kq4Noyk3094Y2QlB8NdRT8SvGiI4ft2"

    assert passwords.verify("password", known)
    assert not passwords.verify("Password", known)


@settings(max_examples=20, deadline=None)
@given(st.text(min_size=8, max_size=128))
def test_any_unicode_password_verifies(password: str) -> None:
    try:
        stored = passwords.hash(password)
    except UnicodeEncodeError:  # a lone surrogate is no character; HTTP refuses it
        return
    assert passwords.verify(password, stored)


def test_nothing_of_a_long_password_is_lost() -> None:
    stored = passwords.hash("a" * 100)

    assert passwords.verify("a" * 100, stored)
    assert not passwords.verify("a" * 72, stored)
    assert not passwords.verify("a" * 99 + "b", stored)


def test_two_hashes_of_one_password_differ() -> None:
    assert passwords.hash("the same") != passwords.hash("the same")


@pytest.mark.parametrize("prefix", [b"2a", b"2b"])
def test_a_hash_of_a_nestjs_table_verifies_and_is_outdated(prefix: bytes) -> None:
    stored = bcrypt.hashpw(b"from the old house", bcrypt.gensalt(CHEAP, prefix)).decode()

    assert passwords.verify("from the old house", stored)
    assert not passwords.verify("another", stored)
    assert passwords.outdated(stored)


def test_an_old_hash_of_a_long_password_verifies_as_it_was_made() -> None:
    stored = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(CHEAP)).decode()

    assert passwords.verify("x" * 80, stored)


def test_a_hash_of_another_cost_is_outdated() -> None:
    stored = passwords.hash("password")

    assert not passwords.outdated(stored)
    assert Passwords(CHEAP + 1).outdated(stored)
    assert Passwords(CHEAP + 1).verify("password", stored)


@pytest.mark.parametrize("stored", [None, "", "plain text", "$2b$04$short", "$argon2id$v=19$x"])
def test_without_a_usable_hash_no_password_is_right(stored: str | None) -> None:
    assert not passwords.verify("password", stored)
