"""Records that nobody should have written: unreadable, too large, sealed to nobody, hostile."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from shared.contract import topics
from shared.contract.envelope import CORRELATION_ID, DEADLINE, REPLY_PARTITION, REPLY_TOPIC, Headers
from tests.faults.fault import Fault
from tests.faults.world import World

_HOSTILE: Final = b"hostile"
_SEALED_TO_NOBODY: Final = {"kid": "nobody", "sealed": "AAAA"}
_SESSION: Final = {"email": "poison@example.com", "userId": "nobody", "name": "x"}

# What can never be read, whatever the topic.
_UNREADABLE: Final[Mapping[str, bytes | None]] = {
    "no JSON": b"register me",
    "no text": b"\xff\xfe\x00",
    "null": None,
    "empty": b"",
    "a list": b"[]",
    "wrong types": b'{"email": 5, "userId": [], "token": 1}',
    "1 MB": json.dumps({**_SESSION, "name": "x" * 900_000}).encode(),
    "nested": b'{"name": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "unknown sealed key": json.dumps(
        {**_SESSION, "password": _SEALED_TO_NOBODY, "token": _SEALED_TO_NOBODY}
    ).encode(),
    "plain secret": json.dumps({**_SESSION, "password": "plain", "token": "plain"}).encode(),
}
_COMMANDS: Final = (topics.USER_REGISTER, topics.USER_UPDATE)
_EVENTS: Final = (topics.NOTIFICATION_WELCOME, topics.NOTIFICATION_PASSWORD_RESET)


def _addresses() -> list[Headers]:
    """Reply addresses that lead nowhere, or where no reply may go."""
    named: Headers = [(CORRELATION_ID, _HOSTILE)]
    return [
        [*named, (REPLY_TOPIC, topics.USER_REGISTER.encode())],
        [*named, (REPLY_TOPIC, b"__consumer_offsets")],
        [*named, (REPLY_TOPIC, b"a topic/no broker has.reply")],
        [*named, (REPLY_TOPIC, b"\xff\xfe")],
        [*named, (REPLY_TOPIC, topics.GATEWAY_REPLY.encode()), (REPLY_PARTITION, b"99")],
        [*named, (REPLY_TOPIC, topics.GATEWAY_REPLY.encode()), (REPLY_PARTITION, b"-7")],
        [*named, (REPLY_TOPIC, topics.GATEWAY_REPLY.encode()), (DEADLINE, b"soon")],
    ]


def _unreadable(world: World) -> Mapping[str, int]:
    """Nobody asked for an answer: each is found again in an on-failure destination."""
    for topic in (*_COMMANDS, *_EVENTS):
        for number, value in enumerate(_UNREADABLE.values()):
            world.records.write(topic, value, key=f"poison-{number}".encode())
    world.records.flush()
    return {
        topics.USER_FAILED: len(_COMMANDS) * len(_UNREADABLE),
        topics.NOTIFICATION_FAILED: len(_EVENTS) * len(_UNREADABLE),
    }


def _hostile(world: World) -> Mapping[str, int]:
    """They ask for an answer, and none may go where they say. All are done at once, but for those
    that nobody can read and whose reply address is not even text.
    """
    readable: list[dict[str, Any]] = [{"id": "nobody"}, {"email": "nobody@example.com"}]
    for headers in _addresses():
        for value in (*(json.dumps(each).encode() for each in readable), b"no JSON", None):
            world.records.write(topics.USER_FIND, value, key=_HOSTILE, headers=headers)
    world.records.flush()
    return {topics.USER_FAILED: 2}


def _to_nowhere(world: World) -> None:
    """The reply topic has an honest name and does not exist."""
    headers: Headers = [(CORRELATION_ID, _HOSTILE), (REPLY_TOPIC, b"nowhere.reply")]
    world.records.write(topics.USER_FIND, b'{"id": "nobody"}', key=_HOSTILE, headers=headers)
    world.records.flush()


FAULTS = (
    Fault("poison: unreadable, too large, sealed to nobody", _unreadable),
    Fault("poison: hostile reply addresses", _hostile),
    Fault("poison: a reply topic that does not exist", _to_nowhere),
)
