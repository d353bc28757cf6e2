"""Sealed fields open only where they were put, and only for whom they were meant."""

from __future__ import annotations

import msgspec
import pytest

from shared.config.settings import SettingsError
from shared.contract.errors import BadMessage
from shared.contract.messages import Sealed
from shared.security.sealing import Jwk, JwkSet, Kem, Opener, Sealer, new_key

SECRET = "correct horse — zoë"


def place(**other: str) -> dict[str, str]:
    return {"topic": "user.register", "field": "password", "correlation_id": "c1", **other}


@pytest.fixture(params=["X25519", "MLKEM768-X25519"])
def keys(request: pytest.FixtureRequest) -> JwkSet:
    kem: Kem = request.param
    return JwkSet((new_key("k1", kem),))


def test_the_private_key_opens_what_the_public_key_sealed(keys: JwkSet) -> None:
    sealed = Sealer(keys.public()).seal(SECRET, **place())

    assert Opener(keys).open(sealed, **place()) == SECRET
    assert SECRET not in sealed.sealed


@pytest.mark.parametrize(
    "moved", [{"topic": "user.validate"}, {"field": "token"}, {"correlation_id": "c2"}]
)
def test_a_sealed_value_that_was_moved_does_not_open(keys: JwkSet, moved: dict[str, str]) -> None:
    sealed = Sealer(keys.public()).seal(SECRET, **place())

    with pytest.raises(BadMessage, match="cannot be opened"):
        Opener(keys).open(sealed, **place(**moved))


@pytest.mark.parametrize("damage", ["", "AAAA", "!!", "AAAAA", "é"])
def test_a_damaged_value_does_not_open(keys: JwkSet, damage: str) -> None:
    with pytest.raises(BadMessage, match="cannot be opened"):
        Opener(keys).open(Sealed(kid="k1", sealed=damage), **place())


def test_a_changed_bit_does_not_open(keys: JwkSet) -> None:
    sealed = Sealer(keys.public()).seal(SECRET, **place())
    last = "A" if sealed.sealed[-2] != "A" else "B"
    changed = msgspec.structs.replace(sealed, sealed=sealed.sealed[:-2] + last + sealed.sealed[-1])

    with pytest.raises(BadMessage, match="cannot be opened"):
        Opener(keys).open(changed, **place())


def test_the_sealing_side_has_nothing_that_opens(keys: JwkSet) -> None:
    assert all(not key.d and not key.priv for key in keys.public().keys)
    with pytest.raises(SettingsError, match="no private part"):
        Opener(keys.public())


def test_two_keys_live_during_a_rotation() -> None:
    old, new = new_key("old"), new_key("new", "MLKEM768-X25519")
    sealed_before = Sealer(JwkSet((old,)).public()).seal(SECRET, **place())
    rotated = JwkSet((new, old))
    sealed_after = Sealer(rotated.public()).seal(SECRET, **place())

    assert sealed_after.kid == "new"
    assert Opener(rotated).open(sealed_before, **place()) == SECRET
    assert Opener(rotated).open(sealed_after, **place()) == SECRET
    with pytest.raises(BadMessage, match="not known here"):
        Opener(JwkSet((new,))).open(sealed_before, **place())


def test_plain_is_taken_only_where_a_setting_allows_it(keys: JwkSet) -> None:
    with pytest.raises(BadMessage, match="must be sealed"):
        Opener(keys).open("plain", **place())
    assert Opener(keys, accept_plain=True).open("plain", **place()) == "plain"


def test_a_key_set_survives_its_json(keys: JwkSet) -> None:
    assert JwkSet.from_json(keys.to_json(), "KEYS") == keys


@pytest.mark.parametrize("text", ["", "{}", '{"keys":[]}', '{"keys":[{"kty":"RSA","kid":"k"}]}'])
def test_what_is_no_key_set_names_the_variable_and_not_its_value(text: str) -> None:
    with pytest.raises(SettingsError, match="USER_PRIVATE_KEYS"):
        JwkSet.from_json(text, "USER_PRIVATE_KEYS")


@pytest.mark.parametrize(
    "key",
    [
        Jwk(kty="OKP", kid="k", crv="Ed25519", x="AAAA"),
        Jwk(kty="OKP", kid="k", crv="X25519", x="AAAA"),
        Jwk(kty="AKP", kid="k", alg="ML-DSA-44", pub="AAAA"),
    ],
)
def test_a_key_that_cannot_be_used_is_refused_at_the_start(key: Jwk) -> None:
    with pytest.raises(SettingsError, match="The key k"):
        Sealer(JwkSet((key,)))
