"""Refresh tokens: each has one successor, which only a gateway can derive."""

from __future__ import annotations

import hashlib

from gateway.security.one_time_tokens import OneTimeToken, RefreshTokens

KEY = bytes(32)


def test_a_token_has_one_successor_at_every_gateway() -> None:
    first = RefreshTokens(KEY).first()

    successor = RefreshTokens(KEY).after(first)

    assert RefreshTokens(KEY).after(OneTimeToken.of(first.value)) == successor
    assert successor.value != first.value
    assert len(successor.value) == 43  # 256 bits in base64url
    assert successor.hash == hashlib.sha256(successor.value.encode()).hexdigest()


def test_only_the_hash_of_a_refresh_token_is_for_others() -> None:
    first, second = RefreshTokens(KEY).first(), RefreshTokens(KEY).first()

    assert first.value != second.value
    assert len(first.value) >= 43  # 256 bits in base64url
    assert first.hash == hashlib.sha256(first.value.encode()).hexdigest()


def test_without_the_key_there_is_no_telling_the_successor() -> None:
    first = RefreshTokens(KEY).first()

    assert RefreshTokens(bytes(31) + b"1").after(first) != RefreshTokens(KEY).after(first)


def test_a_chain_does_not_come_back() -> None:
    tokens = RefreshTokens(KEY)
    chain = [tokens.first()]
    for _ in range(100):
        chain.append(tokens.after(chain[-1]))

    assert len({token.value for token in chain}) == len(chain)
