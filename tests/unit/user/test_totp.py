"""Codes of the second factor: RFC 6238."""

from __future__ import annotations

from base64 import b32encode

import pytest

from gateway.security.one_time_tokens import new_recovery_codes, new_totp_secret
from gateway.security.one_time_tokens import recovery_hash as hash_at_the_gateway
from user.security.totp import is_totp, recovery_hash, step_of

SECRET = b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(
    ("now", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_the_test_vectors_of_the_rfc(now: int, code: str) -> None:
    six = code[-6:]  # the RFC shows eight digits, of which apps show the last six

    assert step_of(SECRET, six, now) == now // 30
    assert step_of(SECRET, six, now + 30) == now // 30
    assert step_of(SECRET, six, now - 30) == now // 30
    assert step_of(SECRET, six, now + 60) is None
    assert step_of(SECRET, six, now - 60) is None


def test_a_code_may_be_typed_with_a_space() -> None:
    assert step_of(SECRET, "287 082", 59) == 1


@pytest.mark.parametrize(
    "code", ["", "28708", "2870822", "\uff12\uff18\uff17\uff10\uff18\uff12", "abcdef"]
)
def test_what_is_no_code_matches_nothing(code: str) -> None:
    assert step_of(SECRET, code, 59) is None
    assert not is_totp(code)


def test_a_secret_has_160_bits_and_no_padding() -> None:
    assert len(new_totp_secret()) == 32
    assert step_of(new_totp_secret(), "000000", 59) in {None, 0, 1, 2}


def test_a_recovery_code_is_known_however_it_is_typed() -> None:
    codes = new_recovery_codes()

    assert len(set(codes)) == 10
    for code in codes:
        assert len(code.replace("-", "")) == 24
        for typed in (code, code.lower(), code.replace("-", ""), code.replace("-", " ")):
            assert recovery_hash(typed) == hash_at_the_gateway(code)
            assert not is_totp(typed)
