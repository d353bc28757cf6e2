"""Keys are made and rotated on a command line, and what was signed or sealed before stays good."""

from __future__ import annotations

import io
import json

import jwt
import pytest

from gateway.errors import NotAuthenticated
from gateway.security.access_tokens import AccessTokens
from shared.config.settings import SettingsError
from shared.contract.errors import BadMessage
from shared.security.keys import KEY_KINDS, KeyKind, kind_of, main, make_key, prepare, promote
from shared.security.sealing import JwkSet, Opener, Sealer


def tokens(keys: JwkSet) -> AccessTokens:
    return AccessTokens(keys.to_json(), issuer="i", audience="a", seconds=900)


def rotate(keys: JwkSet) -> JwkSet:
    return promote(prepare(keys))


def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], given: str, *arguments: str
) -> str:
    monkeypatch.setattr("sys.stdin", io.StringIO(given))
    main(arguments)
    return capsys.readouterr().out


@pytest.mark.parametrize("kind", KEY_KINDS)
def test_a_key_is_made_and_known_again(kind: KeyKind) -> None:
    assert kind_of(make_key(kind)) == kind
    assert make_key(kind).kid != make_key(kind).kid


def test_whoever_has_only_prepared_knows_what_others_sign_already() -> None:
    keys = prepare(JwkSet((make_key("signing"),)))

    assert tokens(keys).verify(tokens(promote(keys)).issue("u1", "s1")).user_id == "u1"
    assert tokens(promote(keys)).verify(tokens(keys).issue("u1", "s1")).user_id == "u1"


def test_nothing_is_promoted_that_was_not_prepared() -> None:
    with pytest.raises(SettingsError, match="prepare"):
        promote(JwkSet((make_key("signing"),)))


def test_a_token_outlives_one_rotation_of_the_signing_keys() -> None:
    keys = JwkSet((make_key("signing"),))
    token = tokens(keys).issue("u1", "s1")
    once = rotate(keys)

    assert len(once.keys) == 2
    assert tokens(once).verify(token).user_id == "u1"
    assert jwt.get_unverified_header(tokens(once).issue("u1", "s1"))["kid"] == once.keys[0].kid
    with pytest.raises(NotAuthenticated):
        tokens(rotate(once)).verify(token)


@pytest.mark.parametrize("kind", ["sealing", "sealing-hybrid"])
def test_a_sealed_value_outlives_one_rotation(kind: KeyKind) -> None:
    keys = JwkSet((make_key(kind),))
    where = {"topic": "t", "field": "f", "correlation_id": "c"}
    sealed = Sealer(keys.public()).seal("secret", **where)
    once = rotate(keys)

    assert Opener(once).open(sealed, **where) == "secret"
    assert Sealer(once.public()).seal("secret", **where).kid == once.keys[0].kid
    with pytest.raises(BadMessage):
        Opener(rotate(once)).open(sealed, **where)


def test_the_commands_work_in_a_pipe(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run(monkeypatch, capsys, "", "new", "--kind", "signing")
    both = run(monkeypatch, capsys, first, "prepare")
    second = run(monkeypatch, capsys, both, "promote")
    public = run(monkeypatch, capsys, second, "public")

    assert json.loads(both)["keys"][0] == json.loads(first)["keys"][0]
    assert json.loads(second)["keys"] == json.loads(both)["keys"][::-1]
    assert [key["kid"] for key in json.loads(public)["keys"]] == [
        key["kid"] for key in json.loads(second)["keys"]
    ]
    assert all("d" not in key for key in json.loads(public)["keys"])


def test_what_is_no_key_set_is_said_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('{"d":"precious"}'))

    with pytest.raises(SystemExit) as ended:
        main(["promote"])
    assert "standard input" in str(ended.value)
    assert "precious" not in str(ended.value)


def test_the_published_keys_verify_and_have_no_private_part() -> None:
    keys = rotate(JwkSet((make_key("signing"),)))
    service = tokens(keys)

    published = service.public_keys()

    token = service.issue("u1", "s1")
    key = jwt.PyJWKSet.from_dict(published)[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, algorithms=["EdDSA"], audience="a", issuer="i")
    assert claims["sub"] == "u1"
    assert [set(each) for each in published["keys"]] == [
        {"kty", "crv", "x", "kid", "alg", "use"}
    ] * 2
