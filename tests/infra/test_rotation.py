"""Keys are exchanged without anybody noticing: whoever reads knows a key before it is used."""

from __future__ import annotations

import json

import msgspec
import pytest

from infra.cdk.deploytime.rotation import SecretContents, complete
from shared.contract.errors import BadMessage
from shared.security.sealing import JwkSet, Opener, Sealer

NOTHING = SecretContents(
    gateway={"REDIS_URL": "redis://"}, user={}, migration={}, notification={}, front={}
)
WHERE = {"topic": "user.register", "field": "password", "correlation_id": "1"}


def opener(secret: dict[str, str]) -> Opener:
    return Opener(JwkSet.from_json(secret["USER_PRIVATE_KEYS"], "USER_PRIVATE_KEYS"))


def sealer(secret: dict[str, str]) -> Sealer:
    return Sealer(JwkSet.from_json(secret["USER_PUBLIC_KEYS"], "USER_PUBLIC_KEYS"))


def names(text: str) -> list[str]:
    return [key["kid"] for key in json.loads(text)["keys"]]


@pytest.fixture
def first() -> SecretContents:
    return complete(NOTHING, rotate=False)


def test_what_is_complete_stays_as_it_is(first: SecretContents) -> None:
    assert complete(first, rotate=False) == first
    assert first.gateway["REDIS_URL"] == "redis://"


def test_functions_that_have_not_noticed_a_rotation_still_understand_each_other(
    first: SecretContents,
) -> None:
    second = complete(first, rotate=True)

    for seals, opens in ((first, second), (second, first), (second, second)):
        sealed = sealer(seals.gateway).seal("secret", **WHERE)
        assert opener(opens.user).open(sealed, **WHERE) == "secret"
    assert sealer(first.gateway)._kid != sealer(second.gateway)._kid


def test_a_token_of_the_key_before_is_still_verified_and_the_one_before_that_is_not(
    first: SecretContents,
) -> None:
    signed_by = names(first.gateway["JWT_SIGNING_KEYS"])[0]
    second = complete(first, rotate=True)
    third = complete(second, rotate=True)

    assert signed_by in names(second.gateway["JWT_SIGNING_KEYS"])
    assert signed_by not in names(third.gateway["JWT_SIGNING_KEYS"])
    assert names(third.gateway["JWT_SIGNING_KEYS"])[0] in names(second.gateway["JWT_SIGNING_KEYS"])


def test_the_user_function_keeps_every_key_because_second_factors_are_stored_sealed(
    first: SecretContents,
) -> None:
    sealed = sealer(first.gateway).seal("totp", **WHERE)
    later = first
    for _ in range(12):
        later = complete(later, rotate=True)

    assert opener(later.user).open(sealed, **WHERE) == "totp"


def test_a_rotation_that_broke_off_between_two_secrets_is_completed_not_repeated(
    first: SecretContents,
) -> None:
    second = complete(first, rotate=True)
    broken_off = msgspec.structs.replace(second, gateway=first.gateway, front=first.front)

    again = complete(broken_off, rotate=True)

    assert again.user == second.user
    assert again.gateway["USER_PUBLIC_KEYS"] == second.gateway["USER_PUBLIC_KEYS"]


def test_the_gateway_knows_what_cloudfront_sends_a_period_before_and_after(
    first: SecretContents,
) -> None:
    second = complete(first, rotate=True)
    third = complete(second, rotate=True)

    sent = [made.front["ORIGIN_SECRET"] for made in (first, second, third)]
    known = [made.gateway["ORIGIN_SECRETS"].split(",") for made in (first, second, third)]

    assert len(set(sent)) == 3
    assert sent[0] in known[1]
    assert sent[0] not in known[2]
    assert sent[1] in known[0]
    assert sent[2] in known[1]
    assert min(map(len, sent)) >= 43  # 256 bits


def test_a_rotation_that_broke_off_before_cloudfront_was_told_is_completed(
    first: SecretContents,
) -> None:
    second = complete(first, rotate=True)

    again = complete(msgspec.structs.replace(second, front=first.front), rotate=True)

    assert again.front == second.front
    assert again.gateway["ORIGIN_SECRETS"] == second.gateway["ORIGIN_SECRETS"]


def test_no_function_can_open_what_is_sealed_to_another(first: SecretContents) -> None:
    sealed = Sealer(
        JwkSet.from_json(first.gateway["NOTIFICATION_PUBLIC_KEYS"], "NOTIFICATION_PUBLIC_KEYS")
    ).seal("secret", **WHERE)

    with pytest.raises(BadMessage):
        opener(first.user).open(sealed, **WHERE)
