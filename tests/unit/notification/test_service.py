"""What is sent for a message, and what is not."""

from __future__ import annotations

import logging

import pytest

from notification.service import effect_name, greeting_name
from shared.contract.envelope import Envelope
from shared.contract.errors import BadMessage, Unavailable
from shared.contract.messages import SendEmail, SendPasswordReset, SendWelcome
from shared.contract.topics import (
    NOTIFICATION_EMAIL,
    NOTIFICATION_PASSWORD_RESET,
    NOTIFICATION_WELCOME,
)
from tests.unit.notification.fakes import LINK_BASE, Office, a_record

WELCOME = SendWelcome(user_id="user1", email="zoe@example.com", name="Zoë")
EMAIL = SendEmail(to="zoe@example.com", subject="News", text="One.\n\nTwo.", phone="+491711234567")
TOKEN = "S3cret-tok/en+="


def reset(office: Office, correlation_id: str = "c1") -> SendPasswordReset:
    sealed = office.sealer.seal(
        TOKEN, topic=NOTIFICATION_PASSWORD_RESET, field="token", correlation_id=correlation_id
    )
    return SendPasswordReset(user_id="user1", email="zoe@example.com", token=sealed, name="Zoë")


def test_welcome_greets_by_name_and_links_to_the_service() -> None:
    office = Office()
    office.handle(a_record(NOTIFICATION_WELCOME, WELCOME))
    (mail,) = office.mail.mails
    assert (mail.to, mail.name, mail.content.subject) == (
        "zoe@example.com",
        "Zoë",
        "Welcome to Acme",
    )
    assert "Hello Zoë," in mail.content.text
    assert "Hello Zoë," in mail.content.html
    assert LINK_BASE in mail.content.text
    assert f'href="{LINK_BASE}"' in mail.content.html


def test_a_reset_opens_the_token_and_links_to_it_in_both_parts() -> None:
    office = Office()
    record = a_record(NOTIFICATION_PASSWORD_RESET, reset(office), Envelope(correlation_id="c1"))
    office.handle(record)
    (mail,) = office.mail.mails
    link = f"{LINK_BASE}/reset-password?token=S3cret-tok%2Fen%2B%3D"
    assert link in mail.content.text.splitlines()
    assert mail.content.html.count(f'href="{link}"') == 2  # the button, and the link below it


def test_a_welcome_with_a_token_asks_to_confirm_the_address() -> None:
    office = Office()
    token = office.sealer.seal(
        TOKEN, topic=NOTIFICATION_WELCOME, field="token", correlation_id="c1"
    )
    message = SendWelcome(user_id="user1", email="zoe@example.com", token=token)
    office.handle(a_record(NOTIFICATION_WELCOME, message, Envelope(correlation_id="c1")))
    (mail,) = office.mail.mails
    link = f"{LINK_BASE}/verify-email?token=S3cret-tok%2Fen%2B%3D"
    assert link in mail.content.text.splitlines()
    assert f'href="{link}"' in mail.content.html


@pytest.mark.parametrize("with_token", [True, False])
def test_an_email_can_carry_a_link(*, with_token: bool) -> None:
    office = Office()
    token = office.sealer.seal(TOKEN, topic=NOTIFICATION_EMAIL, field="token", correlation_id="c1")
    message = SendEmail(
        to="zoe@example.com",
        subject="News",
        text="What happened.",
        page="change-email",
        token=token if with_token else None,
        phone="+491711234567",
    )
    office.handle(a_record(NOTIFICATION_EMAIL, message, Envelope(correlation_id="c1")))
    (mail,) = office.mail.mails
    link = f"{LINK_BASE}/change-email" + with_token * "?token=S3cret-tok%2Fen%2B%3D"
    assert mail.content.text == f"What happened.\n\n{link}\n"
    assert f'href="{link}"' in mail.content.html
    assert office.sms.texts == [("+491711234567", "What happened.")]


def test_a_token_sealed_for_another_message_is_refused() -> None:
    office = Office()
    record = a_record(
        NOTIFICATION_PASSWORD_RESET, reset(office, "c1"), Envelope(correlation_id="c2")
    )
    with pytest.raises(BadMessage, match="token cannot be opened"):
        office.handle(record)
    assert office.mail.mails == []


@pytest.mark.parametrize("accepted", [True, False])
def test_a_plain_token_is_taken_only_when_a_setting_allows_it(*, accepted: bool) -> None:
    office = Office(accept_plain=accepted)
    message = SendPasswordReset(user_id="user1", email="zoe@example.com", token="plain-token")
    record = a_record(NOTIFICATION_PASSWORD_RESET, message)
    if accepted:
        office.handle(record)
    else:
        with pytest.raises(BadMessage, match="must be sealed"):
            office.handle(record)
    assert len(office.mail.mails) == accepted


def test_an_email_goes_out_as_written_and_as_sms_to_the_number() -> None:
    office = Office()
    office.handle(a_record(NOTIFICATION_EMAIL, EMAIL))
    (mail,) = office.mail.mails
    assert mail.content.subject == "News"
    assert mail.content.text == "One.\n\nTwo.\n"
    assert office.sms.texts == [("+491711234567", "One.\n\nTwo.")]


def test_without_an_sms_transport_the_mail_goes_out_and_the_log_says_what_did_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    office = Office(with_sms=False)
    office.handle(a_record(NOTIFICATION_EMAIL, EMAIL))
    assert len(office.mail.mails) == 1
    assert "SMS not sent: SMS_TRANSPORT is none" in caplog.messages


def test_control_characters_do_not_reach_a_mail() -> None:
    office = Office()
    text = "One\r\ntwo\x00\x1b[31m\u2028three\tfour"
    office.handle(a_record(NOTIFICATION_EMAIL, SendEmail(to="a@b.de", subject="S", text=text)))
    assert office.mail.mails[0].content.text == "One\ntwo[31m\nthree\tfour\n"


@pytest.mark.parametrize(
    ("topic", "value", "reason"),
    [
        ("mytopic", b"{}", "no notification for the topic mytopic"),
        (NOTIFICATION_WELCOME, None, "no value"),
        (NOTIFICATION_WELCOME, b"not JSON", "cannot be read"),
        (NOTIFICATION_WELCOME, b'{"userId":"u1","email":"no address"}', "email"),
        (NOTIFICATION_EMAIL, b'{"to":"a@b.de","subject":"a\\nBcc: x@y.z","text":"t"}', "subject"),
        (NOTIFICATION_EMAIL, b'{"to":"a@b.de","subject":"s","text":"t","phone":"12"}', "phone"),
    ],
)
def test_what_can_never_be_sent_fails_and_says_why(
    topic: str, value: bytes | None, reason: str
) -> None:
    office = Office()
    with pytest.raises(BadMessage, match=reason):
        office.handle(a_record(topic, value))
    assert office.mail.mails == []


def test_a_failed_mail_fails_the_record_and_is_sent_by_the_next_delivery() -> None:
    office = Office()
    record = a_record(NOTIFICATION_WELCOME, WELCOME)
    office.mail.failure = Unavailable("The mail server cannot be reached.")
    with pytest.raises(Unavailable):
        office.handle(record)
    office.mail.failure = None
    office.handle(record)
    assert len(office.mail.mails) == 1


def test_a_failed_sms_is_sent_by_the_next_delivery_and_the_mail_not_again() -> None:
    office = Office()
    record = a_record(NOTIFICATION_EMAIL, EMAIL)
    office.sms.failure = Unavailable("SNS cannot be reached.")
    with pytest.raises(Unavailable):
        office.handle(record)
    office.sms.failure = None
    office.handle(record)
    office.handle(record)
    assert (len(office.mail.mails), len(office.sms.texts)) == (1, 1)


def test_the_same_idempotency_key_is_sent_once_however_often_it_is_produced() -> None:
    office = Office()
    envelope = Envelope(idempotency_key="k1")
    for offset in range(3):
        office.handle(a_record(NOTIFICATION_WELCOME, WELCOME, envelope, offset=offset))
    assert len(office.mail.mails) == 1


def test_two_records_without_an_idempotency_key_are_two_mails() -> None:
    office = Office()
    for offset in range(2):
        office.handle(a_record(NOTIFICATION_WELCOME, WELCOME, offset=offset))
    assert len({mail.reference for mail in office.mail.mails}) == 2


@pytest.mark.parametrize(
    ("topic", "key"), [(NOTIFICATION_WELCOME, b"user2"), (NOTIFICATION_EMAIL, b"user1")]
)
def test_the_same_word_from_another_user_or_for_another_kind_is_another_effect(
    topic: str, key: bytes
) -> None:
    envelope = Envelope(idempotency_key="k1")
    one = effect_name(a_record(NOTIFICATION_WELCOME, WELCOME, key=b"user1"), envelope)
    assert effect_name(a_record(topic, WELCOME, key=key), envelope) != one


def test_what_names_an_effect_does_not_depend_on_the_secret_in_the_record() -> None:
    office = Office()
    one = a_record(NOTIFICATION_PASSWORD_RESET, reset(office))
    two = a_record(NOTIFICATION_PASSWORD_RESET, reset(office))
    assert one.value != two.value
    assert effect_name(one, Envelope()) == effect_name(two, Envelope())


@pytest.mark.parametrize(
    ("name", "greeted"),
    [
        ("Zoë", "Zoë"),
        ("J. R. R.  Tolkien", "J. R. R. Tolkien"),
        ("李小龍", "李小龍"),
        ("O'Brien-Smith Jr.", "O'Brien-Smith Jr."),
        (None, None),
        (" ", None),
        ("Win at evil.example", None),
        ("WWW.evil", None),
        ("https://evil", None),
        ("me@evil", None),
    ],
)
def test_a_name_that_reads_as_a_link_is_not_repeated(name: str | None, greeted: str | None) -> None:
    assert greeting_name(name) == greeted


def test_one_line_is_logged_for_a_mail_without_its_address_or_token(
    caplog: pytest.LogCaptureFixture,
) -> None:
    office = Office()
    record = a_record(NOTIFICATION_PASSWORD_RESET, reset(office), Envelope(correlation_id="c1"))
    with caplog.at_level(logging.DEBUG):
        office.handle(record)
    (line,) = caplog.records
    said = vars(line)
    assert (line.message, said["kind"], said["to"]) == (
        "mail sent",
        "password-reset",
        "z***@example.com",
    )
    assert said["message_id"] == f"<{office.mail.mails[0].reference}@acme.example>"
    assert "zoe@" not in str(said)
    assert "S3cret" not in str(said)


def test_a_number_is_not_logged_in_full(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        Office().handle(a_record(NOTIFICATION_EMAIL, EMAIL))
    assert [vars(line)["to"] for line in caplog.records] == ["z***@example.com", "***67"]
