"""The table of commands that were carried out, with their replies and events."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec
from psycopg import Connection
from psycopg.rows import DictRow

from shared.contract.errors import Refusal, SessionEnded
from shared.contract.json import decode_json
from shared.contract.messages import Message, User, decode, decode_refusal, encode, encode_refusal
from user.accounts.model import CommandId, Event

_CLAIM = """
    INSERT INTO processed_messages (topic, message_id) VALUES (%(topic)s, %(message_id)s)
    ON CONFLICT DO NOTHING RETURNING true
"""
_STORE = """
    UPDATE processed_messages
    SET reply = %(reply)s::jsonb, refusal = %(refusal)s::jsonb, user_id = %(user_id)s,
        events = %(events)s::jsonb
    WHERE topic = %(topic)s AND message_id = %(message_id)s
"""
_LOAD = """
    SELECT reply::text, refusal::text, events::text FROM processed_messages
    WHERE topic = %(topic)s AND message_id = %(message_id)s
"""
# The row stays: without it, a second delivery would make the account again.
_ERASE = """
    UPDATE processed_messages SET reply = NULL, events = NULL, refusal = %s::jsonb
    WHERE user_id = %s
"""

M = TypeVar("M", bound=Message)


class Outcome(msgspec.Struct, Generic[M], frozen=True):
    """How a command ended.

    Attributes:
        answer: the reply, or a refusal.
        events: published after every delivery of the command.
        user_id: the user whose data the answer has; it is erased with the account.
    """

    answer: M | Refusal
    events: tuple[Event, ...] = ()
    user_id: str | None = None


class ProcessedMessages:
    """Commands that were carried out, in PostgreSQL."""

    def __init__(self, connection: Connection[DictRow]) -> None:
        self._connection = connection

    def claim(self, command_id: CommandId) -> bool:
        """Return whether this is the first delivery.

        While another delivery is at work, wait until its transaction ends.
        """
        return self._connection.execute(_CLAIM, _key(command_id)).fetchone() is not None

    def store(self, command_id: CommandId, outcome: Outcome[M]) -> None:
        """Store the outcome of a claimed command."""
        answer = outcome.answer
        given = {
            "reply": None if isinstance(answer, Refusal) else encode(answer).decode(),
            "refusal": encode_refusal(answer).decode() if isinstance(answer, Refusal) else None,
            "user_id": answer.id if isinstance(answer, User) else outcome.user_id,
            "events": msgspec.json.encode(outcome.events).decode() if outcome.events else None,
        }
        self._connection.execute(_STORE, {**_key(command_id), **given})

    def load(self, command_id: CommandId, kind: type[M]) -> Outcome[M]:
        """Return the stored outcome of a command that was claimed before."""
        row = self._connection.execute(_LOAD, _key(command_id)).fetchone()
        if row is None:
            key = command_id.idempotency_key
            raise LookupError(f"the outcome of {key} has been cleared away")
        events = _events(row["events"])
        if row["refusal"] is not None:
            return Outcome(decode_refusal(row["refusal"].encode()), events)
        return Outcome(decode(kind, row["reply"].encode()), events)

    def pending_events(self, command_id: CommandId) -> tuple[Event, ...]:
        """Return the events of a command; none when it was not carried out."""
        row = self._connection.execute(_LOAD, _key(command_id)).fetchone()
        return _events(row["events"]) if row else ()

    def erase(self, user_id: str) -> None:
        """Erase all data of a user from stored replies."""
        gone = encode_refusal(SessionEnded()).decode()
        self._connection.execute(_ERASE, (gone, user_id))


def _key(command_id: CommandId) -> dict[str, str]:
    return {"topic": command_id.topic, "message_id": command_id.idempotency_key}


def _events(text: str | None) -> tuple[Event, ...]:
    return decode_json(text or "[]", tuple[Event, ...])
