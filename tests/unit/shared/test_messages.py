"""The messages on the topics."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contract import messages
from shared.contract.errors import BadMessage, EmailTaken, Refusal
from shared.contract.messages import (
    ProfileMembers,
    RegisterUser,
    Sealed,
    UpdateUser,
    User,
    decode,
    decode_refusal,
    encode,
    encode_refusal,
)

MESSAGES = [
    kind
    for kind in vars(messages).values()
    if isinstance(kind, type) and issubclass(kind, messages.Message) and kind.__name__[0] != "_"
]


def test_a_message_is_plain_camel_case_json() -> None:
    user = User(
        id="u1",
        email="zoë@example.com",
        name=None,
        email_verified=False,
        created_at=datetime(2026, 11, 22, 10, 6, 25, 40_000, UTC),
        updated_at=datetime(2026, 11, 22, 10, 6, 25, 40_000, UTC),
    )

    assert encode(user).decode() == (
        '{"id":"u1","email":"zoë@example.com","name":null,"emailVerified":false,'
        '"createdAt":"2026-11-22T10:06:25.040000Z","updatedAt":"2026-11-22T10:06:25.040000Z"}'
    )


@pytest.mark.parametrize("kind", MESSAGES)
def test_no_message_has_a_member_that_nestjs_would_unwrap(kind: type[messages.Message]) -> None:
    members = {field.encode_name for field in msgspec.structs.fields(kind)}

    assert not members & {"key", "value"}


def test_what_a_newer_sender_adds_is_passed_over() -> None:
    command = decode(
        RegisterUser, b'{"email":"a@example.com","password":"12345678","added":{"later":1}}'
    )

    assert command.email == "a@example.com"


def test_a_secret_is_sealed_or_plain() -> None:
    sealed = decode(
        RegisterUser, b'{"email":"a@example.com","password":{"kid":"k","sealed":"AAAA"}}'
    )
    plain = decode(RegisterUser, b'{"email":"a@example.com","password":"12345678"}')

    assert sealed.password == Sealed(kid="k", sealed="AAAA")
    assert plain.password == "12345678"


def test_an_absent_member_is_not_a_null_one() -> None:
    absent = decode(UpdateUser, b'{"id":"u1"}')
    null = decode(UpdateUser, b'{"id":"u1","name":null}')

    assert absent.name is msgspec.UNSET
    assert null.name is None


def test_each_member_of_a_profile_can_be_changed_and_is_shown() -> None:
    changed = {field.name: field.default for field in msgspec.structs.fields(UpdateUser)}

    for member in ProfileMembers.__struct_fields__:
        assert changed[member] is msgspec.UNSET  # so that its absence changes nothing
        assert member in User.__struct_fields__


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "no value"),
        (b"", "cannot be read"),
        (b"no json", "cannot be read"),
        (b"[]", "cannot be read"),
        (b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "cannot be read"),
        (b'"\xff"', "cannot be read"),
        (b'{"email":"a@example.com"}', "password"),
        (b'{"email":"a@example.com","password":7}', "password"),
        (b'{"email":"no address","password":"12345678"}', "email"),
        (b'{"email":"a@example.com","password":"12345678","name":"\\u0000"}', "name"),
    ],
)
def test_what_cannot_be_read_is_a_bad_message_that_names_the_member(
    value: bytes | None, says: str
) -> None:
    with pytest.raises(BadMessage, match=says):
        decode(RegisterUser, value)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_a_bad_message(value: bytes) -> None:
    with suppress(BadMessage):
        message = decode(RegisterUser, value)
        assert decode(RegisterUser, encode(message)) == message


def test_a_refusal_crosses_the_wire_as_nestjs_writes_it() -> None:
    wire = encode_refusal(EmailTaken())

    assert json.loads(wire)["statusCode"] == 409
    refusal = decode_refusal(wire)
    assert (refusal.status, refusal.code) == (409, "email-taken")
    assert refusal.message == EmailTaken().message


@pytest.mark.parametrize(
    ("wire", "status", "code"),
    [
        (b'{"statusCode":401,"message":"Invalid credentials"}', 401, "refused"),
        (b'{"statusCode":400,"message":["email must be an email"]}', 400, "refused"),
        (b'{"status":"error","message":"Internal server error"}', 502, "bad-gateway"),
        (
            b"There is no matching message handler defined in the remote service.",
            502,
            "bad-gateway",
        ),
        (b"\xff\xfe", 502, "bad-gateway"),
        (b'{"statusCode":200,"message":"odd"}', 502, "bad-gateway"),
    ],
)
def test_whatever_a_nestjs_service_refuses_with_is_understood(
    wire: bytes, status: int, code: str
) -> None:
    refusal = decode_refusal(wire)

    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.code) == (status, code)
