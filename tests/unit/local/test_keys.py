"""Keys are made once and each program gets no more of them than it needs."""

from __future__ import annotations

import json
from pathlib import Path

import jwt
import pytest

from local import environment, keys
from local.environment import Addresses
from shared.security.sealing import JwkSet, Opener, Sealer

_PLACES = Addresses(
    api="http://api", inbox="http://inbox", kafka="k:1", database="db", redis="r", smtp="s"
)


def test_keys_are_made_once_and_are_for_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    assert keys.load_or_make(path) == keys.load_or_make(path)
    assert path.stat().st_mode & 0o077 == 0


def test_a_damaged_file_of_keys_is_named(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text("{}")
    with pytest.raises(ValueError, match=r"keys\.json"):
        keys.load_or_make(path)


def test_the_signing_key_signs_what_any_library_verifies() -> None:
    key = json.loads(keys.make().jwt.to_json())["keys"][0]
    signed = jwt.encode({"sub": "ada"}, jwt.PyJWK(key), "EdDSA")
    public = jwt.PyJWK({name: value for name, value in key.items() if name != "d"})
    assert jwt.decode(signed, public, ["EdDSA"]) == {"sub": "ada"}


def test_the_gateway_can_seal_and_not_open() -> None:
    made = keys.make()
    variables = environment.for_gateway(_PLACES, made, 3000)
    private = [made.user.keys[0].d, made.notification.keys[0].d]
    assert not any(secret in value for secret in private for value in variables.values())

    place = {"topic": "user.register", "field": "password", "correlation_id": "1"}
    public = JwkSet.from_json(variables["USER_PUBLIC_KEYS"], "USER_PUBLIC_KEYS")
    sealed = Sealer(public).seal("secret", **place)
    assert Opener(made.user).open(sealed, **place) == "secret"


def test_no_function_has_anothers_keys_or_services() -> None:
    made = keys.make()
    user = environment.for_user(_PLACES, made)
    notification = environment.for_notification(_PLACES, made)
    assert made.jwt.keys[0].d not in "".join([*user.values(), *notification.values()])
    assert made.notification.keys[0].d not in "".join(user.values())
    assert made.user.keys[0].d not in "".join(notification.values())
    assert "DATABASE_URL" not in notification
    assert "DATABASE_URL" not in environment.for_gateway(_PLACES, made, 3000)


def test_only_the_embedded_broker_is_asked_every_five_milliseconds() -> None:
    assert _PLACES.for_tools()["KAFKA_FETCH_WAIT_MS"] == "5"
    assert "KAFKA_FETCH_WAIT_MS" not in _PLACES._replace(embedded_broker=False).for_tools()
