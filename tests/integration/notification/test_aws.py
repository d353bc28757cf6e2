"""Mail through SES and SMS through SNS, against moto."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_string
from email.message import EmailMessage
from email.policy import default
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber
from moto import mock_aws
from moto.backends import get_backend
from moto.core.models import DEFAULT_ACCOUNT_ID

from notification.transports import ses
from notification.transports.mail import Content, Mail, sender
from notification.transports.ses import SesTransport
from notification.transports.sms import SnsTransport
from shared.contract.errors import BadMessage, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sns import SNSClient

REGION = "eu-central-1"
FROM = sender("Zoë's Shop <no-reply@acme.example>")


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """AWS as moto plays it."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        yield


@pytest.fixture
def sesv2() -> Iterator[SESV2Client]:
    """Return a client of an account that may send as acme.example."""
    client = boto3.client("sesv2")
    client.create_email_identity(EmailIdentity="acme.example")
    yield client
    client.close()


@pytest.fixture
def sns() -> Iterator[SNSClient]:
    client = boto3.client("sns")
    yield client
    client.close()


def a_mail(to: str = "zoe@example.com") -> Mail:
    content = Content(subject="Grüße", text="?token=hunter2\n", html="<p>hunter2</p>")
    return Mail(reference="ref1", to=to, name="Zoë", content=content)


def backend(service: str) -> Any:
    return get_backend(service)[DEFAULT_ACCOUNT_ID][REGION]  # type: ignore[call-overload]


def test_ses_gets_the_same_mail_as_an_smtp_server(sesv2: SESV2Client) -> None:
    message_id = SesTransport(sesv2, FROM).send(a_mail())
    (sent,) = backend("ses").sent_messages
    mail = message_from_string(sent.raw_data, policy=default)
    assert isinstance(mail, EmailMessage)
    plain = mail.get_body(("plain",))
    assert plain is not None
    assert sent.id == message_id
    assert "zoe@example.com" in sent.destinations[0]
    assert (mail["Subject"], mail["From"].addresses[0].display_name) == ("Grüße", "Zoë's Shop")
    assert plain.get_content().rstrip() == "?token=hunter2"


def test_a_domain_beyond_ascii_is_sent_as_ascii(sesv2: SESV2Client) -> None:
    SesTransport(sesv2, FROM).send(a_mail("info@bücher.example"))
    (sent,) = backend("ses").sent_messages
    assert "info@xn--bcher-kva.example" in sent.destinations[0]


@pytest.mark.parametrize("to", ["用户@example.com", "a@b@c"])
def test_what_ses_can_never_send_is_not_given_to_it(sesv2: SESV2Client, to: str) -> None:
    with pytest.raises(BadMessage):
        SesTransport(sesv2, FROM).send(a_mail(to))
    assert backend("ses").sent_messages == []


def test_an_unverified_sender_fails_the_record() -> None:
    client = boto3.client("sesv2")
    with pytest.raises(BadMessage, match="MessageRejected"):
        SesTransport(client, FROM).send(a_mail())
    client.close()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("MessageRejected", BadMessage),
        ("BadRequestException", BadMessage),
        ("SendingPausedException", Unavailable),
        ("LimitExceededException", Unavailable),
        ("InternalFailure", Unavailable),
    ],
)
def test_a_refusal_of_ses_is_the_messages_fault_or_can_be_cured(
    sesv2: SESV2Client, code: str, kind: type[Exception]
) -> None:
    with Stubber(sesv2) as stub:
        stub.add_client_error("send_email", code, "zoe@example.com is not verified")
        with pytest.raises(kind, match=code) as refused:
            SesTransport(sesv2, FROM).send(a_mail())
    assert "zoe" not in str(refused.value)


def test_a_mail_waits_while_the_sending_rate_is_used_up(
    sesv2: SESV2Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ses, "_PAUSE_S", 0.01)
    with Stubber(sesv2) as stub:
        for _ in range(2):
            stub.add_client_error("send_email", "TooManyRequestsException")
        stub.add_response("send_email", {"MessageId": "m1"})
        assert SesTransport(sesv2, FROM).send(a_mail()) == "m1"
        stub.assert_no_pending_responses()


def test_a_mail_does_not_wait_for_ever(sesv2: SESV2Client) -> None:
    with Stubber(sesv2) as stub:
        stub.add_client_error("send_email", "TooManyRequestsException")
        with pytest.raises(Unavailable, match="TooManyRequestsException"):
            SesTransport(sesv2, FROM, patience_s=-1).send(a_mail())


def test_ses_out_of_reach_is_tried_again(
    sesv2: SESV2Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def out_of_reach(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://email.example")

    monkeypatch.setattr(sesv2, "send_email", out_of_reach)
    with pytest.raises(Unavailable, match="EndpointConnectionError"):
        SesTransport(sesv2, FROM).send(a_mail())


def test_the_configuration_set_travels_along(sesv2: SESV2Client) -> None:
    sesv2.create_configuration_set(ConfigurationSetName="mails")
    seen: list[dict[str, Any]] = []
    sesv2.meta.events.register(
        "provide-client-params.sesv2.SendEmail", lambda params, **_: seen.append(params)
    )
    SesTransport(sesv2, FROM, configuration_set="mails").send(a_mail())
    assert seen[0]["ConfigurationSetName"] == "mails"


def test_sns_sends_an_sms(sns: SNSClient) -> None:
    message_id = SnsTransport(sns).send("+491711234567", "Grüße")
    assert backend("sns").sms_messages == {message_id: ("+491711234567", "Grüße")}


def test_an_sms_that_is_too_long_is_cut(sns: SNSClient) -> None:
    SnsTransport(sns).send("+491711234567", "x" * 2000)
    ((_, text),) = backend("sns").sms_messages.values()
    assert text == "x" * 1599 + "…"


@pytest.mark.parametrize(
    ("code", "kind"), [("InvalidParameter", BadMessage), ("Throttling", Unavailable)]
)
def test_a_refusal_of_sns_is_the_messages_fault_or_can_be_cured(
    sns: SNSClient, code: str, kind: type[Exception]
) -> None:
    with Stubber(sns) as stub:
        stub.add_client_error("publish", code)
        with pytest.raises(kind, match=code):
            SnsTransport(sns).send("+491711234567", "Grüße")
