"""The database's password is a token that AWS credentials sign."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from psycopg.conninfo import conninfo_to_dict
from yoyo.connections import parse_uri

from user.storage.rds_iam import with_token

URL = "postgresql://service@proxy.example.com:5432/users?sslmode=verify-full"


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


def test_libpq_reads_the_token_as_the_password_and_all_else_stays() -> None:
    made = conninfo_to_dict(with_token(URL))

    password = str(made.pop("password"))
    assert made == conninfo_to_dict(URL)
    asked = parse_qs(urlsplit(f"https://{password}").query)
    assert asked["Action"] == ["connect"]
    assert asked["DBUser"] == ["service"]
    assert asked["X-Amz-Expires"] == ["900"]
    assert "eu-central-1/rds-db/aws4_request" in asked["X-Amz-Credential"][0]


def test_the_migration_tool_reads_the_same_password() -> None:
    made = with_token(URL)

    read = parse_uri(made.replace("postgresql:", "postgresql+psycopg:"))

    assert read.password == conninfo_to_dict(made)["password"]
    assert read.args == {"sslmode": "verify-full"}


def test_the_token_is_for_this_host_and_port() -> None:
    password = urlsplit(with_token(URL)).password or ""

    assert unquote(password).startswith("proxy.example.com:5432/?")
