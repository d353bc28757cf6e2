"""What is wrong with the environment is said when the function starts, without its secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from lambda_esm.template.document import load_template
from notification.bootstrap import NotificationFunction
from notification.settings import Settings
from notification.transports.smtp_server import SmtpServer
from shared.config.settings import SettingsError, load
from shared.contract.topics import (
    NOTIFICATION_EMAIL,
    NOTIFICATION_PASSWORD_RESET,
    NOTIFICATION_WELCOME,
    TOPICS,
)
from shared.security.sealing import JwkSet, new_key
from tests.unit.notification.environment import environment

ROOT = Path(__file__).parents[3]
NOTIFICATION_TOPICS = {NOTIFICATION_EMAIL, NOTIFICATION_PASSWORD_RESET, NOTIFICATION_WELCOME}


@pytest.mark.parametrize(
    ("url", "server"),
    [
        (
            "smtp://127.0.0.1:1025",
            SmtpServer(host="127.0.0.1", port=1025, tls="none", user="", password=""),
        ),
        (
            "smtp://mail.example.com",
            SmtpServer(host="mail.example.com", port=25, tls="none", user="", password=""),
        ),
        (
            "smtp://joe%40x:p%2Fw@mail.example.com?starttls=true",
            SmtpServer(
                host="mail.example.com", port=587, tls="starttls", user="joe@x", password="p/w"
            ),
        ),
        (
            "smtps://joe:pw@mail.example.com",
            SmtpServer(
                host="mail.example.com", port=465, tls="implicit", user="joe", password="pw"
            ),
        ),
    ],
)
def test_an_smtp_url_says_host_port_tls_and_login(url: str, server: SmtpServer) -> None:
    assert SmtpServer.from_url(url) == server


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.com:25",
        "http://mail.example.com",
        "smtp://",
        "smtp://mail.example.com:port",
        "smtp://mail.example.com?starttls=yes",
        "smtp://mail.example.com?startls=true",
        "smtps://mail.example.com?starttls=true",
        "smtp://joe:hunter2@mail.example.com",
        "smtp://joe:hunter2@mail.example.com?starttls=false",
        "smtps://joe:hunter2%C3%A9@mail.example.com",
    ],
)
def test_an_smtp_url_that_is_wrong_or_shows_a_password_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="SMTP_URL") as refused:
        SmtpServer.from_url(url)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "missing", ["REDIS_URL", "NOTIFICATION_PRIVATE_KEYS", "MAIL_FROM", "LINK_BASE_URL"]
)
def test_a_missing_variable_is_named(missing: str) -> None:
    with pytest.raises(SettingsError, match=missing):
        load(Settings, environment(**{missing: ""}))


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MAIL_TRANSPORT", "pigeon"),
        ("MAIL_FROM", "Acme"),
        ("LINK_BASE_URL", "app.example.com"),
        ("LINK_BASE_URL", "https://app.example.com/?a=b"),
        ("LINK_BASE_URL", "javascript://app.example.com"),
        ("SMTP_URL", "localhost"),
        ("SMTP_CA", "no PEM"),
        ("REDIS_URL", "localhost"),
        ("NOTIFICATION_PRIVATE_KEYS", '{"keys":[]}'),
        ("SEND_TIMEOUT_S", "soon"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=variable):
        NotificationFunction(load(Settings, environment(**{variable: value})))


def test_public_keys_are_not_enough() -> None:
    public = JwkSet((new_key("n1"),)).public().to_json()
    with pytest.raises(SettingsError, match="private part"):
        NotificationFunction(load(Settings, environment(NOTIFICATION_PRIVATE_KEYS=public)))


def test_a_send_fits_well_into_the_functions_timeout() -> None:
    functions = load_template(ROOT / "template.yaml")["Resources"]
    timeout_s = functions["NotificationFunction"]["Properties"]["Timeout"]
    # A record that waits for a crashed process's lease must still have the time to be sent.
    assert timeout_s > 3 * load(Settings, environment()).send_timeout_s


def test_what_was_sent_is_remembered_for_as_long_as_kafka_may_deliver_it_again() -> None:
    kept_ms = max(topic.retention_ms for topic in TOPICS if topic.name in NOTIFICATION_TOPICS)
    assert load(Settings, environment()).remember_sent_s * 1000 >= kept_ms
