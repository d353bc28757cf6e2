"""What the gateway seals opens in one member of one message of one function, and nowhere else."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

import pytest

from gateway.security.access_tokens import Claims
from gateway.user_service.client import UserServiceClient
from gateway.user_service.credentials import CredentialCommands
from gateway.user_service.second_factor import SecondFactorCommands
from shared.bus.requester import Requester
from shared.contract import topics
from shared.contract.envelope import Envelope
from shared.contract.errors import BadMessage
from shared.contract.messages import Sealed
from shared.security.keys import make_key
from shared.security.sealing import JwkSet, Opener, Sealer

USER, NOTIFICATION = JwkSet((make_key("sealing"),)), JwkSet((make_key("sealing"),))
SECRETS = ("the current password", "the new password", "123456")
WHO = Claims("user-1", "session-1")
ANSWERS = {
    "change-password": b"{}",
    "confirm-totp": b'{"id":"u","email":"a@b","name":null,"emailVerified":true,'
    b'"createdAt":"2026-11-22T10:00:00Z","updatedAt":"2026-11-22T10:00:00Z"}',
}


class Sent:
    """Stands where Kafka is: keeps what is sent, and answers."""

    def __init__(self) -> None:
        self.records: list[tuple[str, dict[str, Any], str]] = []

    async def request(
        self, topic: str, _key: str, value: bytes, envelope: Envelope, _timeout: float | None
    ) -> bytes:
        await self.publish(topic, _key, value, envelope)
        return ANSWERS[self.records[-1][1]["action"]]

    async def publish(self, topic: str, _key: str, value: bytes, envelope: Envelope) -> None:
        self.records.append((topic, json.loads(value), envelope.correlation_id or ""))


@pytest.fixture(scope="module")
def sent() -> Sent:
    sent = Sent()
    requester = cast(Requester, sent)
    client = UserServiceClient(requester, Sealer(USER.public()), Sealer(NOTIFICATION.public()))

    async def send_everything() -> None:
        credentials = CredentialCommands(client)
        await credentials.change_password(WHO, SECRETS[0], SECRETS[1])
        await SecondFactorCommands(client).confirm(WHO, SECRETS[2], ["AAAA-BBBB"])
        await credentials.forgot_password("ada@example.com")

    asyncio.run(send_everything())
    return sent


def opened(
    sealed: dict[str, str], keys: JwkSet = USER, /, *, topic: str, field: str, correlation_id: str
) -> str:
    where = {"topic": topic, "field": field, "correlation_id": correlation_id}
    return Opener(keys).open(Sealed(**sealed), **where)


def test_each_opens_where_it_was_put(sent: Sent) -> None:
    (topic, change, first), (_, confirm, second), _ = sent.records

    assert (
        opened(change["current"], topic=topic, field="current", correlation_id=first) == SECRETS[0]
    )
    assert opened(change["new"], topic=topic, field="new", correlation_id=first) == SECRETS[1]
    assert opened(confirm["code"], topic=topic, field="code", correlation_id=second) == SECRETS[2]


@pytest.mark.parametrize(
    "moved",
    [
        {"field": "new"},
        {"topic": topics.USER_DELETE},
        {"correlation_id": "another"},
    ],
    ids=lambda moved: next(iter(moved)),
)
def test_moved_to_another_member_topic_or_message_it_does_not_open(
    sent: Sent, moved: dict[str, str]
) -> None:
    topic, change, correlation_id = sent.records[0]
    where = {"topic": topic, "field": "current", "correlation_id": correlation_id, **moved}

    with pytest.raises(BadMessage):
        opened(change["current"], **where)


def test_a_mailed_token_opens_in_its_mail_and_not_in_the_function_that_passes_it_on(
    sent: Sent,
) -> None:
    _, forgot, correlation_id = sent.records[2]
    sealed = forgot["token"]["sealed"]
    where = {
        "topic": topics.NOTIFICATION_PASSWORD_RESET,
        "field": "token",
        "correlation_id": correlation_id,
    }

    moved = {**where, "topic": topics.NOTIFICATION_EMAIL}
    assert len(opened(sealed, NOTIFICATION, **where)) == 43
    with pytest.raises(BadMessage):
        opened(sealed, USER, **where)
    with pytest.raises(BadMessage):
        opened(sealed, NOTIFICATION, **moved)


def test_nothing_that_is_sent_has_a_secret_in_it(sent: Sent) -> None:
    everything = json.dumps(sent.records)

    assert not any(secret in everything for secret in (*SECRETS, "AAAABBBB", "AAAA-BBBB"))
