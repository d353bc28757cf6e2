"""A cache is signed in to with AWS credentials, by a token that is made for each connection."""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import parse_qs, urlencode

import pytest

from shared.config.settings import SettingsError
from shared.security.elasticache_iam import iam_credentials

SECRET = "secret"
URL = "rediss://service@cache.example.com:6379"


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


def test_the_url_has_no_user_any_more() -> None:
    assert iam_credentials(URL, "cache")[0] == "rediss://cache.example.com:6379"


def test_the_token_names_who_connects_to_what_for_a_quarter_of_an_hour() -> None:
    _, credentials = iam_credentials(URL, "users-cache")
    user, token = credentials.get_credentials()  # type: ignore[misc] # redis-py allows a token alone
    place, _, query = token.partition("/?")
    asked = {name: value for name, (value,) in parse_qs(query).items()}

    assert (user, place) == ("service", "users-cache")
    assert asked["Action"] == "connect"
    assert asked["User"] == "service"
    assert asked["ResourceType"] == "ServerlessCache"
    assert asked["X-Amz-Expires"] == "900"
    assert "/eu-central-1/elasticache/aws4_request" in asked["X-Amz-Credential"]


def test_the_signature_is_what_aws_works_out() -> None:
    """Step by step, by hand: IAM User Guide, "Create a signed AWS API request"."""
    _, credentials = iam_credentials(URL, "users-cache")
    token = credentials.get_credentials()[-1]
    _, _, query = token.partition("/?")
    asked = {name: value for name, (value,) in parse_qs(query).items()}
    signature = asked.pop("X-Amz-Signature")
    moment, day = asked["X-Amz-Date"], asked["X-Amz-Date"][:8]

    canonical = "\n".join(
        ("GET", "/", urlencode(sorted(asked.items())), "host:users-cache", "", "host", _sha256(""))
    )
    scope = f"{day}/eu-central-1/elasticache/aws4_request"
    text = "\n".join(("AWS4-HMAC-SHA256", moment, scope, _sha256(canonical)))
    key = f"AWS4{SECRET}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.digest(key, part.encode(), "sha256")

    assert key.hex() == signature


def test_without_credentials_the_reason_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    _, credentials = iam_credentials(URL, "cache")
    with pytest.raises(SettingsError, match="AWS credentials"):
        credentials.get_credentials()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
