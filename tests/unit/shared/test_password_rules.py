"""What a new password may not be."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contract.errors import WeakPassword
from shared.security.password_rules import _common, refuse_weak


@pytest.mark.parametrize("password", ["", "1234567", "x" * 129])
def test_a_password_has_a_length(password: str) -> None:
    with pytest.raises(WeakPassword, match="8 to 128"):
        refuse_weak(password)


@pytest.mark.parametrize(
    "password", ["password", "PASSWORD1", "qwertyuiop", "1qaz2wsx", "iloveyou"]
)
def test_the_commonest_are_refused_in_any_case(password: str) -> None:
    with pytest.raises(WeakPassword, match="tried first"):
        refuse_weak(password)


def test_the_list_has_more_than_the_3000_that_asvs_asks_for() -> None:
    assert len(_common()) > 3000
    assert all(len(each) >= 8 for each in _common())


@pytest.mark.parametrize(
    "password",
    ["ada.lovelace@example.com", "adalovelace", "Lovelace1815", "LOVELACE", "ada.lovelace!"],
)
def test_what_is_made_of_the_persons_own_words_is_refused(password: str) -> None:
    with pytest.raises(WeakPassword):
        refuse_weak(password, "ada.lovelace@example.com", "Ada Lovelace")


@pytest.mark.parametrize(
    "password",
    ["correct horse lovelace", "example of a long one", "ada and the machine", "lovelace-and-more"],
)
def test_a_long_password_may_have_such_a_word_in_it(password: str) -> None:
    refuse_weak(password, "ada.lovelace@example.com", "Ada Lovelace")


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=140), st.text(max_size=20))
def test_every_text_is_a_password_or_refused(password: str, name: str) -> None:
    with suppress(WeakPassword):
        refuse_weak(password, f"{name}@example.com", name)
        assert 8 <= len(password) <= 128
