"""The inbox takes any mail, and shows it as Mailpit would, safely."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest

from local.process import Group
from local.services import inbox as inbox_service
from tests.services import Inbox, start


def _mail(to: str, subject: str = "Welcome, Ada") -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = "Grüße <hello@example.com>"
    mail["To"] = f"Ada Lovelace <{to}>"
    mail["Subject"] = subject
    mail["Message-ID"] = "<one@example.com>"
    mail.set_content("Good day,\n\n  Ada.\n")
    mail.add_alternative("<p>Good day, <b>Ada</b>.</p><script>alert(1)</script>", subtype="html")
    return mail


def _send(inbox: Inbox, mail: EmailMessage, *recipients: str) -> None:
    at = urlsplit(inbox.smtp_url)
    with smtplib.SMTP(at.hostname or "", at.port or 0) as smtp:
        smtp.send_message(mail, to_addrs=recipients or None)


def _address() -> str:
    return f"{uuid4().hex}@example.com"


def test_a_mail_is_listed_with_mailpits_names(inbox: Inbox) -> None:
    to = _address()
    _send(inbox, _mail(to))
    found = inbox.to(to)[0]
    assert found["From"] == {"Name": "Grüße", "Address": "hello@example.com"}
    assert found["To"] == [{"Name": "Ada Lovelace", "Address": to}]
    assert (found["Subject"], found["MessageID"]) == ("Welcome, Ada", "one@example.com")
    assert (found["Snippet"], found["Attachments"]) == ("Good day, Ada.", 0)
    assert found["Created"].endswith("Z")


def test_a_mail_is_shown_whole(inbox: Inbox) -> None:
    to = _address()
    mail = _mail(to)
    mail.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="terms.pdf")
    _send(inbox, mail)
    found = inbox.wait_for_mail(to)
    assert "Good day,\r\n\r\n  Ada." in found["Text"]
    assert "<b>Ada</b>" in found["HTML"]
    assert [(each["FileName"], each["Size"]) for each in found["Attachments"]] == [("terms.pdf", 4)]


def test_who_is_not_named_in_a_mail_was_in_bcc(inbox: Inbox) -> None:
    named, hidden = _address(), _address()
    _send(inbox, _mail(named), named, hidden)
    assert [who["Address"] for who in inbox.to(hidden)[0]["Bcc"]] == [hidden]


def test_the_list_counts_and_goes_in_pages_newest_first(inbox: Inbox) -> None:
    inbox.clear()
    for number in range(3):
        _send(inbox, _mail(_address(), subject=f"number {number}"))
    listed = httpx.get(f"{inbox.url}/api/v1/messages", params={"start": 1, "limit": 1}).json()
    assert [mail["Subject"] for mail in listed.pop("messages")] == ["number 1"]
    counts = {"total": 3, "unread": 3, "count": 1, "messages_count": 3, "start": 1}
    assert listed == {**counts, "tags": []}


@pytest.mark.parametrize("query", ["to:{to}", "subject:pears to:{to}", "FRESH {to}"])
def test_a_search_finds_words_and_fields(inbox: Inbox, query: str) -> None:
    to = _address()
    _send(inbox, _mail(to, subject="fresh pears"))
    _send(inbox, _mail(_address(), subject="fresh apples"))
    asked = {"query": query.format(to=to)}
    found = httpx.get(f"{inbox.url}/api/v1/search", params=asked).json()
    assert [mail["To"][0]["Address"] for mail in found["messages"]] == [to]


def test_deleting_takes_the_named_mails_only(inbox: Inbox) -> None:
    kept, gone = _address(), _address()
    _send(inbox, _mail(kept))
    _send(inbox, _mail(gone))
    ids = {"IDs": [inbox.to(gone)[0]["ID"]]}
    httpx.request("DELETE", f"{inbox.url}/api/v1/messages", json=ids).raise_for_status()
    assert (len(inbox.to(kept)), len(inbox.to(gone))) == (1, 0)


def test_a_mail_nobody_can_make_sense_of_is_kept_all_the_same(inbox: Inbox) -> None:
    to = _address()
    at = urlsplit(inbox.smtp_url)
    broken = (
        b"Subject: =?x?q?=\r\nContent-Type: text/plain; charset=none\r\nDate: x\r\n\r\n\xff\xfe"
    )
    with smtplib.SMTP(at.hostname or "", at.port or 0) as smtp:
        smtp.sendmail("a@example.com", [to], broken)
    assert inbox.wait_for(lambda each: each["Bcc"] and each["Bcc"][0]["Address"] == to)["Text"]


def test_the_html_of_a_mail_can_run_and_fetch_nothing(inbox: Inbox) -> None:
    to = _address()
    _send(inbox, _mail(to))
    shown = httpx.get(f"{inbox.url}/view/{inbox.to(to)[0]['ID']}.html")
    policy = shown.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "sandbox allow-popups" in policy
    assert "script" not in policy


def test_the_page_loads_nothing_from_elsewhere(inbox: Inbox) -> None:
    page = httpx.get(inbox.url)
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page.text
    for name in ("page.css", "page.js"):
        assert httpx.get(f"{inbox.url}/{name}").status_code == 200


def test_another_name_that_points_here_is_not_answered(inbox: Inbox) -> None:
    asked = httpx.get(f"{inbox.url}/api/v1/messages", headers={"host": "evil.example"})
    assert asked.status_code == 400


def test_what_is_not_there_is_not_found(inbox: Inbox) -> None:
    for path in ("/api/v1/message/none", "/api/v1/message/none/raw", "/view/none.html"):
        assert httpx.get(inbox.url + path).status_code == 404


def test_mails_survive_a_restart(group: Group, service_folder: Path) -> None:
    to, folder = _address(), service_folder / "kept-inbox"
    for round_ in range(2):
        process, told = start(inbox_service.command(folder), group)
        inbox = Inbox(told["url"], told["smtp_url"])
        if round_ == 0:
            _send(inbox, _mail(to))
        assert [each["Subject"] for each in inbox.to(to)] == ["Welcome, Ada"]
        inbox.close()
        process.stop()
        assert process.exit_code == 0
