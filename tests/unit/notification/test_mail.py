"""The mail as it travels: headers that nobody can add to, parts that every server takes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest

from notification.transports.mail import Content, Mail, compose, sender
from shared.config.settings import SettingsError
from shared.contract.errors import BadMessage

FROM = sender("Zoë's Shop <no-reply@acme.example>")


def composed(
    to: str = "zoe@example.com", name: str | None = "Zoë", subject: str = "Grüße", text: str = "é"
) -> EmailMessage:
    """Compose a mail, and read it again as its receiver does."""
    content = Content(subject=subject, text=text + "\n", html=f"<p>{text}</p>")
    mail = Mail(reference="ref1", to=to, name=name, content=content)
    received = message_from_bytes(compose(mail, FROM).as_bytes(), policy=default)
    assert isinstance(received, EmailMessage)
    return received


def test_a_mail_has_the_headers_that_receivers_look_for() -> None:
    mail = composed()
    assert mail["From"].addresses[0].display_name == "Zoë's Shop"
    assert str(mail["To"]) == "Zoë <zoe@example.com>"
    assert mail["Subject"] == "Grüße"
    assert mail["Message-ID"] == "<ref1@acme.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert datetime.now(UTC) - mail["Date"].datetime < timedelta(minutes=5)


def test_a_mail_has_the_words_twice() -> None:
    mail = composed(text="Grüße, 李小龍")
    assert mail.get_content_type() == "multipart/alternative"
    plain, html = mail.iter_parts()
    assert isinstance(plain, EmailMessage)
    assert isinstance(html, EmailMessage)
    assert [plain.get_content_type(), html.get_content_type()] == ["text/plain", "text/html"]
    assert plain.get_content().rstrip() == "Grüße, 李小龍"
    assert html.get_content().rstrip() == "<p>Grüße, 李小龍</p>"


def test_a_mail_is_ascii_in_short_lines_whatever_is_in_it() -> None:
    content = Content(subject="é" * 200, text="ü" * 2000, html="<p>" + "x" * 5000 + "</p>")
    raw = compose(Mail(reference="r", to="a@b.de", name="é", content=content), FROM).as_bytes()
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998  # RFC 5322, 2.1.1


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\x85", "\u2028", "\x0b", "\x1e"])
def test_no_value_can_add_a_header(end: str) -> None:
    smuggled = f"x{end}Bcc: victim@example.com"
    with pytest.raises(BadMessage):
        composed(subject=smuggled)
    with pytest.raises(BadMessage):
        composed(to=f"a@b.de{end}Bcc: victim@example.com")
    assert composed(name=smuggled)["Bcc"] is None


@pytest.mark.parametrize("name", ['"', "a, b@c.de", "<x@y.z>", "a;b", "(comment)", "\\"])
def test_a_name_cannot_become_an_address(name: str) -> None:
    (to,) = composed(name=name)["To"].addresses
    assert (to.display_name, to.addr_spec) == (name, "zoe@example.com")


def test_a_sender_without_an_address_is_told_when_the_function_starts() -> None:
    with pytest.raises(SettingsError, match="MAIL_FROM"):
        sender("Acme")
