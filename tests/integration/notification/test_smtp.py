"""Mail over SMTP, to a server that may be slow, picky, frozen out or gone."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword

from local import ports
from notification.transports import smtp
from notification.transports.mail import Content, Mail, sender
from notification.transports.smtp import SmtpTransport
from notification.transports.smtp_server import SmtpServer
from shared.contract.errors import BadMessage, Unavailable
from tests.integration.notification.certificates import Certificate
from tests.integration.notification.mail_server import OK, MailServer

FROM = sender("Acme <no-reply@acme.example>")
PASSWORD = "p w/%"  # needs its percent-encoding
Connect = Callable[..., SmtpTransport]


def a_mail(to: str = "zoe@example.com", name: str | None = "Zoë", text: str = "Hello.") -> Mail:
    content = Content(subject="Grüße", text=f"{text}\n", html=f"<p>{text}</p>")
    return Mail(reference="ref1", to=to, name=name, content=content)


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Yield a builder of transports; close them."""
    with ExitStack() as stack:

        def make(url: str, timeout_s: float = 10.0, ca: str = "") -> SmtpTransport:
            transport = SmtpTransport(SmtpServer.from_url(url), FROM, timeout_s, ca)
            stack.callback(transport.close)
            return transport

        yield make


@pytest.fixture
def transport(mail_server: MailServer, connect: Connect) -> SmtpTransport:
    """To the plain server."""
    return connect(f"smtp://127.0.0.1:{mail_server.port}")


def test_a_mail_arrives_as_it_was_written(
    mail_server: MailServer, transport: SmtpTransport
) -> None:
    message_id = transport.send(a_mail(text=".\n..\nFrom me: é"))
    ((to, mail),) = mail_server.mails
    plain = mail.get_body(("plain",))
    assert plain is not None
    assert (to, mail["Message-ID"]) == ("zoe@example.com", message_id)
    assert mail["Subject"] == "Grüße"
    assert plain.get_content().splitlines() == [".", "..", "From me: é"]


@pytest.mark.parametrize(
    ("address", "received"),
    [
        ("info@bücher.example", "info@xn--bcher-kva.example"),
        ("用户@bücher.example", "用户@xn--bcher-kva.example"),
    ],
)
def test_addresses_beyond_ascii_arrive(address: str, received: str, connect: Connect) -> None:
    with MailServer(enable_SMTPUTF8=True) as server:
        connect(f"smtp://127.0.0.1:{server.port}").send(a_mail(to=address))
        assert server.addresses == [received]


def test_a_server_without_smtputf8_never_takes_an_address_beyond_ascii(
    mail_server: MailServer, transport: SmtpTransport
) -> None:
    with pytest.raises(BadMessage, match="beyond ASCII"):
        transport.send(a_mail(to="用户@example.com"))
    assert mail_server.mails == []


def test_an_address_cannot_smuggle_a_command(
    mail_server: MailServer, transport: SmtpTransport
) -> None:
    with pytest.raises(BadMessage):
        transport.send(a_mail(to="a@b.de>\r\nRCPT TO:<victim@example.com"))
    assert mail_server.connections == 0


def login(server: object, session: object, envelope: object, way: object, data: object) -> object:
    expected = LoginPassword(b"joe@acme", PASSWORD.encode())
    return AuthResult(success=data == expected, handled=False)


@pytest.fixture(params=["smtp", "smtps"])
def secure_url(request: pytest.FixtureRequest, certificate: Certificate) -> Iterator[str]:
    """Start a server that wants TLS and a login; yield its URL, with a gap for the password."""
    if request.param == "smtp":
        server = MailServer(
            tls_context=certificate.context,
            require_starttls=True,
            auth_required=True,
            authenticator=login,
        )
        end = "?starttls=true"
    else:
        # aiosmtpd does not see the TLS around it, so it must not ask for it.
        server = MailServer(certificate.context, auth_require_tls=False, authenticator=login)
        end = ""
    with server:
        yield f"{request.param}://joe%40acme:{{password}}@127.0.0.1:{server.port}{end}"


def test_tls_and_login_by_url(secure_url: str, certificate: Certificate, connect: Connect) -> None:
    url = secure_url.format(password="p%20w%2F%25")
    assert connect(url, ca=certificate.pem).send(a_mail()) == "<ref1@acme.example>"


def test_a_server_whose_certificate_nobody_trusts_gets_no_password(
    secure_url: str, connect: Connect
) -> None:
    with pytest.raises(Unavailable, match="SSLCertVerificationError"):
        connect(secure_url.format(password="p%20w%2F%25")).send(a_mail())


def test_a_wrong_password_is_said_by_its_code_and_is_not_the_mails_fault(
    secure_url: str, certificate: Certificate, connect: Connect
) -> None:
    url = secure_url.format(password="wrong")
    with pytest.raises(Unavailable, match=r"refuses this client: 535 5\.7\.8") as refused:
        connect(url, ca=certificate.pem).send(a_mail())
    assert "wrong" not in str(refused.value)


def test_a_server_without_starttls_is_not_used_in_the_clear(
    mail_server: MailServer, connect: Connect
) -> None:
    transport = connect(f"smtp://127.0.0.1:{mail_server.port}?starttls=true")
    with pytest.raises(Unavailable):
        transport.send(a_mail())
    assert mail_server.mails == []


@pytest.mark.parametrize(
    ("answer", "kind"),
    [("550 5.1.1 <zoe@example.com> unknown", BadMessage), ("450 4.2.1 later", Unavailable)],
)
@pytest.mark.parametrize("step", ["to_recipient", "to_data"])
def test_a_refusal_says_its_code_and_not_the_address(
    mail_server: MailServer,
    transport: SmtpTransport,
    step: str,
    answer: str,
    kind: type[BadMessage | Unavailable],
) -> None:
    setattr(mail_server, step, answer)
    with pytest.raises(kind, match=answer[:9]) as refused:
        transport.send(a_mail())
    assert "zoe" not in str(refused.value)
    setattr(mail_server, step, OK)
    transport.send(a_mail())
    assert len(mail_server.mails) == 1


def test_a_server_that_is_away_is_tried_again_by_the_next_mail(connect: Connect) -> None:
    server = MailServer()
    transport = connect(f"smtp://127.0.0.1:{server.port}")
    with pytest.raises(Unavailable, match="ConnectionRefusedError"):
        transport.send(a_mail())
    with server:
        transport.send(a_mail())
        assert server.addresses == ["zoe@example.com"]


@pytest.mark.parametrize("step", ["to_recipient", "to_data"])
@pytest.mark.parametrize("connected", [False, True])
def test_a_server_that_says_nothing_is_left_when_the_time_is_over(
    mail_server: MailServer, connect: Connect, step: str, *, connected: bool
) -> None:
    transport = connect(f"smtp://127.0.0.1:{mail_server.port}", timeout_s=1.0)
    if connected:
        transport.send(a_mail())
    setattr(mail_server, step, None)
    with pytest.raises(Unavailable):
        transport.send(a_mail())
    setattr(mail_server, step, OK)
    transport.send(a_mail())


def test_a_server_that_is_slow_at_each_step_is_left_when_the_whole_time_is_over(
    mail_server: MailServer, connect: Connect
) -> None:
    mail_server.slow_s = 0.3  # twice: to RCPT and to the mail
    with pytest.raises(Unavailable):
        connect(f"smtp://127.0.0.1:{mail_server.port}", timeout_s=0.4).send(a_mail())


def test_a_port_that_accepts_and_never_greets_is_left_when_the_time_is_over(
    connect: Connect,
) -> None:
    with socket.create_server((ports.HOST, 0)) as listener:
        transport = connect(f"smtp://127.0.0.1:{listener.getsockname()[1]}", timeout_s=0.2)
        with pytest.raises(Unavailable):
            transport.send(a_mail())


def test_one_connection_serves_many_mails(
    mail_server: MailServer, transport: SmtpTransport
) -> None:
    for _ in range(5):
        transport.send(a_mail())
    assert (len(mail_server.mails), mail_server.connections) == (5, 1)


def test_threads_do_not_mix_their_mails(mail_server: MailServer, transport: SmtpTransport) -> None:
    people = [f"p{number}@example.com" for number in range(40)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda to: transport.send(a_mail(to=to, text=to)), people))
    assert sorted(mail_server.addresses) == sorted(people)
    assert all(to in str(mail.get_body(("plain",))) for to, mail in mail_server.mails)
    assert mail_server.connections <= 4


def test_a_connection_that_died_while_nobody_looked_is_replaced(connect: Connect) -> None:
    server = MailServer()
    transport = connect(f"smtp://127.0.0.1:{server.port}")
    for _ in range(2):
        with server:
            transport.send(a_mail())
    assert (len(server.mails), server.connections) == (2, 2)


@pytest.mark.parametrize("answer", ["421 4.4.2 timeout", None])
def test_a_connection_that_does_not_answer_well_is_replaced(
    mail_server: MailServer,
    transport: SmtpTransport,
    monkeypatch: pytest.MonkeyPatch,
    answer: str | None,
) -> None:
    monkeypatch.setattr(smtp, "_NOOP_S", 0.2)
    transport.send(a_mail())
    mail_server.to_noop = answer
    transport.send(a_mail())
    assert (len(mail_server.mails), mail_server.connections) == (2, 2)


def test_after_a_long_freeze_a_connection_is_not_even_tried(
    mail_server: MailServer, transport: SmtpTransport
) -> None:
    transport.send(a_mail())
    transport._idle[0].used_at -= 3600
    transport.send(a_mail())
    assert mail_server.connections == 2


def test_nothing_is_connected_before_the_first_mail(
    mail_server: MailServer, transport: SmtpTransport
) -> None:
    transport.close()
    assert mail_server.connections == 0
