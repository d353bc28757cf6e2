"""What a person sees, in a real browser: the links in mails, Swagger UI, the inbox.

It runs where Chromium is on the path (Debian: ``apt-get install chromium``).
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from local import ports
from tests.services import PATIENCE_S, System

_CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or ""
_OLD, _NEW = "correct horse battery", "a much newer staple"
_LINK = re.compile(r'href="(http[^"]+\?token=[^"]+)"')

expect.set_options(timeout=PATIENCE_S * 1000)
pytestmark = pytest.mark.skipif(not _CHROMIUM, reason="Chromium is not on this machine")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Its sandbox cannot be had by root, who runs tests in containers.
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox"])


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that asks this machine alone, and whose scripts have no errors."""
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_S * 1000)
    hosts: set[str | None] = set()
    complaints: list[str] = []
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    page.on("pageerror", lambda error: complaints.append(error.message))
    yield page
    page.close()
    assert hosts - {None} <= {ports.HOST}
    assert complaints == []


@pytest.fixture
def email(system: System) -> str:
    """Of somebody who has just registered."""
    email = f"{uuid4().hex}@example.com"
    body = {"email": email, "password": _OLD, "name": "Ada"}
    with system.client() as client:
        assert client.post("/api/v1/auth/register", json=body).status_code == 201
    return email


def open_link(page: Page, system: System, email: str, subject: str) -> None:
    """Open the link of a mail, as a click in a mail program does."""
    mail = system.inbox.wait_for_mail(email, subject)
    found = _LINK.search(mail["HTML"])
    assert found
    page.goto(found[1])


def sign_in(system: System, email: str, password: str) -> int:
    with system.client() as client:
        body = {"email": email, "password": password}
        return client.post("/api/v1/auth/login", json=body).status_code


def confirmed(system: System, email: str) -> bool:
    with system.client() as client:
        body = {"email": email, "password": _OLD}
        answer = client.post("/api/v1/auth/login", json=body).json()
    return bool(answer["user"]["emailVerified"])


def test_the_link_in_the_welcome_confirms_the_address(
    page: Page, system: System, email: str
) -> None:
    open_link(page, system, email, "confirm")
    assert "token" not in page.url
    assert not confirmed(system, email), "opening the link alone, as scanners do, changes nothing"

    page.get_by_role("button", name="Confirm").click()

    expect(page.get_by_role("status")).to_have_text("Thank you. Your address is confirmed.")
    assert confirmed(system, email)


def test_a_link_works_once(page: Page, system: System, email: str) -> None:
    for outcome in ("Thank you", "token"):
        open_link(page, system, email, "confirm")
        page.get_by_role("button", name="Confirm").click()
        expect(page.get_by_role("status")).to_contain_text(outcome)


def test_a_link_without_its_token_says_so(page: Page, system: System) -> None:
    page.goto(f"{system.url}/verify-email")

    expect(page.get_by_role("status")).to_contain_text("This link is not complete")
    expect(page.get_by_role("button")).to_be_hidden()


def test_a_forgotten_password_is_replaced(page: Page, system: System, email: str) -> None:
    with system.client() as client:
        client.post("/api/v1/auth/password/forgot", json={"email": email})
    open_link(page, system, email, "password")
    field, button = page.get_by_label("New password"), page.get_by_role("button")

    field.fill("password1")
    button.click()
    expect(page.get_by_role("status")).to_contain_text("tried first")

    page.get_by_label("Show it").check()
    expect(field).to_have_attribute("type", "text")
    field.fill(_NEW)
    button.click()

    expect(page.get_by_role("status")).to_contain_text("Your password is changed")
    assert (sign_in(system, email, _OLD), sign_in(system, email, _NEW)) == (401, 200)


def test_swagger_ui_sends_requests_without_another_host(page: Page, system: System) -> None:
    page.goto(system.url)
    page.locator("#operations-health-health").click()

    page.get_by_role("button", name="Execute").click()

    expect(page.locator(".live-responses-table .response-col_status").last).to_contain_text("200")


def test_the_inbox_shows_the_newest_mail(page: Page, system: System, email: str) -> None:
    system.inbox.wait_for_mail(email)

    page.goto(system.inbox.url)
    page.get_by_placeholder("Search").fill(f"to:{email}")

    expect(page.locator("#list button")).to_have_count(1)
    expect(page.get_by_role("heading", level=2)).to_contain_text("Welcome")
    expect(page.frame_locator("#html").get_by_role("link", name="Confirm")).to_be_visible()
    page.get_by_role("tab", name="Text").click()
    expect(page.locator("#text")).to_contain_text("verify-email?token=")
