"""Any bytes as any message: read, or refused with a sentence; never anything else."""

from __future__ import annotations

import json
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contract import account_commands, messages
from shared.contract.account_commands import Action, action_of
from shared.contract.errors import BadMessage
from shared.contract.messages import Message, decode, encode

KINDS = [
    kind
    for module in (account_commands, messages)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, Message) and kind.__name__[0] != "_"
]
ACTIONS = [kind for kind in KINDS if issubclass(kind, Action) and kind.__struct_config__.tag]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@st.composite
def of_kind(draw: st.DrawFn, kind: type[Message]) -> bytes:
    """JSON with the members of a message, and any values in them."""
    members = {field.encode_name: draw(json_values) for field in msgspec.structs.fields(kind)}
    if issubclass(kind, Action):
        members["action"] = kind.__struct_config__.tag
    return json.dumps(members).encode()


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25)
@given(data=st.data())
def test_a_message_is_read_or_refused(kind: type[Message], data: st.DataObject) -> None:
    raw = data.draw(st.binary() | st.text().map(str.encode) | of_kind(kind))
    try:
        message = decode(kind, raw)
    except BadMessage as refusal:
        assert refusal.message.startswith("The message cannot be read")  # noqa: PT017 - or it is read
    else:
        assert decode(kind, encode(message)) == message


@given(st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
def test_an_action_is_told_of_any_bytes(raw: bytes) -> None:
    assert action_of(raw) is None or isinstance(action_of(raw), str)


@pytest.mark.parametrize("kind", ACTIONS)
def test_a_message_without_an_action_is_the_plain_one_of_its_topic(kind: type[Action]) -> None:
    tag = kind.__struct_config__.tag

    assert action_of(b'{"id":"u1","name":"Ada"}') is None
    assert action_of(json.dumps({"action": tag}).encode()) == tag


@pytest.mark.parametrize("kind", KINDS)
def test_no_message_has_a_member_that_nestjs_would_unwrap(kind: type[Message]) -> None:
    members = {field.encode_name for field in msgspec.structs.fields(kind)}

    assert not members & {"key", "value"}


def test_secrets_of_actions_are_sealed_where_no_peer_sends_them() -> None:
    """Only the user function's own secrets may come plain, from a peer that cannot seal."""
    forwarded: Any = {f.name: f.type for f in msgspec.structs.fields(messages.MailedToken)}

    assert messages.Sealed in (forwarded["sealed"], *get_args(forwarded["sealed"]))
    assert str not in get_args(forwarded["sealed"])
