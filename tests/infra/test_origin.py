"""CloudFront is told the secret by which the gateway knows it, when that has been exchanged."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest

from tests.infra.account import REGION, Account
from tests.infra.stand_in import custom


class Front(NamedTuple):
    """A distribution that sends a secret, and the secret that it should send."""

    account: Account
    distribution: str
    secret: str

    def exchange(self) -> None:
        """Do the work of the schedule."""
        custom.run(
            "deploytime.origin.handler",
            {**Account.CREDENTIALS, "AWS_ENDPOINT_URL": self.account.url},
            {"DistributionId": self.distribution, "SecretArn": self.secret},
            REGION,
        )

    def rotate(self, secret: str) -> None:
        """Store a secret, as a rotation does."""
        client = self.account.client("secretsmanager")
        client.put_secret_value(
            SecretId=self.secret, SecretString=json.dumps({"ORIGIN_SECRET": secret})
        )

    def config(self) -> tuple[dict[str, Any], str]:
        """Return the distribution's configuration, and its version."""
        found = self.account.client("cloudfront").get_distribution_config(Id=self.distribution)
        return found["DistributionConfig"], found["ETag"]

    def sent(self) -> dict[str, str]:
        """Return the headers that CloudFront adds."""
        (origin,) = self.config()[0]["Origins"]["Items"]
        items = origin["CustomHeaders"]["Items"]
        return {header["HeaderName"]: header["HeaderValue"] for header in items}


@pytest.fixture
def front(account: Account) -> Front:
    headers = [
        {"HeaderName": "X-Origin-Secret", "HeaderValue": "before"},
        {"HeaderName": "x-other", "HeaderValue": "stays"},
    ]
    origin = {
        "Id": "api",
        "DomainName": "api.execute-api.eu-central-1.amazonaws.com",
        "CustomHeaders": {"Quantity": 2, "Items": headers},
        "CustomOriginConfig": {
            "HTTPPort": 80,
            "HTTPSPort": 443,
            "OriginProtocolPolicy": "https-only",
        },
    }
    made = account.client("cloudfront").create_distribution(
        DistributionConfig={
            "CallerReference": "test",
            "Comment": "",
            "Enabled": True,
            "Origins": {"Quantity": 1, "Items": [origin]},
            "DefaultCacheBehavior": {
                "TargetOriginId": "api",
                "ViewerProtocolPolicy": "https-only",
                "CachePolicyId": "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
            },
        }
    )
    secret = account.client("secretsmanager").create_secret(Name="front", SecretString="{}")
    return Front(account, made["Distribution"]["Id"], secret["ARN"])


def test_the_next_secret_is_sent_and_all_else_stays(front: Front) -> None:
    config, _ = front.config()
    front.rotate("now")

    front.exchange()

    assert front.sent() == {"X-Origin-Secret": "now", "x-other": "stays"}
    after, version = front.config()
    assert after["DefaultCacheBehavior"] == config["DefaultCacheBehavior"]

    front.exchange()  # nothing has changed, so nothing is deployed to the edges

    assert front.config()[1] == version
