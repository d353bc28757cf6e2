"""Which commands have been carried out, with what outcome, and what they wanted sent."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec
from psycopg import Connection
from psycopg.rows import DictRow

from shared.contract.errors import Refusal, SessionEnded
from shared.contract.json import decoded
from shared.contract.messages import Message, User, decode, decode_refusal, encode, encode_refusal
from user.accounts.model import CommandId, Event

_CLAIM = """
    INSERT INTO processed_messages (topic, message_id) VALUES (%s, %s)
    ON CONFLICT DO NOTHING RETURNING true
"""
_KEEP = """
    UPDATE processed_messages
    SET reply = %s::jsonb, refusal = %s::jsonb, user_id = %s, events = %s::jsonb
    WHERE topic = %s AND message_id = %s
"""
_KEPT = """
    SELECT reply::text, refusal::text, events::text FROM processed_messages
    WHERE topic = %s AND message_id = %s
"""
# A second delivery must still find that it was carried out, or it would make the account again.
_BLANK = """
    UPDATE processed_messages SET reply = NULL, events = NULL, refusal = %s::jsonb
    WHERE user_id = %s
"""

M = TypeVar("M", bound=Message)


class Outcome(msgspec.Struct, Generic[M], frozen=True):
    """How a command ended.

    Attributes:
        answer: the reply, or a refusal.
        events: to be sent, however often the command is delivered.
        user_id: whose the answer is; with the account, it is forgotten.
    """

    answer: M | Refusal
    events: tuple[Event, ...] = ()
    user_id: str | None = None


def claim(connection: Connection[DictRow], command_id: CommandId) -> bool:
    """Whether this is the first delivery; while the first is still at work, waits for its end."""
    return (
        connection.execute(_CLAIM, (command_id.topic, command_id.idempotency_key)).fetchone()
        is not None
    )


def keep(connection: Connection[DictRow], command_id: CommandId, outcome: Outcome[M]) -> None:
    """Remember how a command ended."""
    answer = outcome.answer
    refused = isinstance(answer, Refusal)
    reply = None if isinstance(answer, Refusal) else encode(answer).decode()
    refusal = encode_refusal(answer).decode() if isinstance(answer, Refusal) else None
    events = msgspec.json.encode(outcome.events).decode() if outcome.events else None
    whose = answer.id if not refused and isinstance(answer, User) else outcome.user_id
    connection.execute(
        _KEEP, (reply, refusal, whose, events, command_id.topic, command_id.idempotency_key)
    )


def kept(connection: Connection[DictRow], command_id: CommandId, kind: type[M]) -> Outcome[M]:
    """How a command ended the first time."""
    row = connection.execute(_KEPT, (command_id.topic, command_id.idempotency_key)).fetchone()
    if row is None:
        raise LookupError(f"the outcome of {command_id.idempotency_key} has been cleared away")
    events = _events(row["events"])
    if row["refusal"] is not None:
        return Outcome(decode_refusal(row["refusal"].encode()), events)
    return Outcome(decode(kind, row["reply"].encode()), events)


def pending_events(connection: Connection[DictRow], command_id: CommandId) -> tuple[Event, ...]:
    """What a command that was carried out wants sent; nothing when it was not."""
    row = connection.execute(_KEPT, (command_id.topic, command_id.idempotency_key)).fetchone()
    return _events(row["events"]) if row else ()


def _events(text: str | None) -> tuple[Event, ...]:
    return decoded(text or "[]", tuple[Event, ...])


class ProcessedMessages:
    """Changes to what is remembered of commands."""

    _connection: Connection[DictRow]

    def forget_answers(self, user_id: str) -> None:
        """Nothing of a person is left in stored answers."""
        gone = encode_refusal(SessionEnded()).decode()
        self._connection.execute(_BLANK, (gone, user_id))
