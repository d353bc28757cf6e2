"""List prices of us-east-1 in USD, without free tiers, discounts and taxes, each with its page.

They were noted on :data:`DATE`, from memory of these pages and from copies of them; nothing here
asks AWS. Prices change: look them up again before you plan with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

DATE: Final = "2026-11-22"
REGION: Final = "us-east-1"


class Price(float):
    """The price of a unit.

    Attributes:
        what: the unit.
        source: AWS's page that states it.
    """

    what: str
    source: str

    def __new__(cls, usd: float, what: str, source: str) -> Price:
        """Make a price in USD."""
        price = super().__new__(cls, usd)
        price.what = what
        price.source = source
        return price


_API: Final = "aws.amazon.com/api-gateway/pricing"
_LAMBDA: Final = "aws.amazon.com/lambda/pricing"
_MSK: Final = "aws.amazon.com/msk/pricing"
_AURORA: Final = "aws.amazon.com/rds/aurora/pricing"
_PROXY: Final = "aws.amazon.com/rds/proxy/pricing"
_CACHE: Final = "aws.amazon.com/elasticache/pricing"
_CLOUDFRONT: Final = "aws.amazon.com/cloudfront/pricing"
_WAF: Final = "aws.amazon.com/waf/pricing"
_CLOUDWATCH: Final = "aws.amazon.com/cloudwatch/pricing"

API_REQUEST: Final = Price(1.00e-6, "request of an HTTP API, first 300 million a month", _API)

LAMBDA_REQUEST: Final = Price(0.20e-6, "invocation", _LAMBDA)
LAMBDA_GB_S: Final = Price(0.0000166667, "GB-second of a function, x86", _LAMBDA)
SNAPSHOT_GB_S: Final = Price(0.0000015046, "GB-second of a snapshot", _LAMBDA)
POLLER_UNIT_H: Final = Price(0.185, "event poller unit, hour", _LAMBDA)

SERVERLESS_CLUSTER_H: Final = Price(0.75, "serverless cluster, hour", _MSK)
SERVERLESS_PARTITION_H: Final = Price(0.0015, "serverless partition, hour", _MSK)
SERVERLESS_IN_GB: Final = Price(0.10, "GB into a serverless cluster", _MSK)
SERVERLESS_OUT_GB: Final = Price(0.05, "GB out of a serverless cluster", _MSK)
EXPRESS_BROKER_H: Final = Price(0.408, "broker express.m7g.large, hour", _MSK)
EXPRESS_IN_GB: Final = Price(0.01, "GB into Express brokers", _MSK)

ACU_H: Final = Price(0.12, "Aurora capacity unit, hour", _AURORA)
DATABASE_STORED_GB: Final = Price(0.10, "GB stored, month", _AURORA)
DATABASE_IO: Final = Price(0.20e-6, "I/O", _AURORA)
PROXY_ACU_H: Final = Price(0.015, "capacity unit behind RDS Proxy, hour; at least 8", _PROXY)
PROXY_LEAST_ACU: Final = 8

CACHE_STORED_GB_H: Final = Price(0.084, "GB in serverless Valkey, hour; at least 0.1", _CACHE)
CACHE_LEAST_GB: Final = 0.1
CACHE_UNIT: Final = Price(0.0023e-6, "processing unit", _CACHE)

FRONT_REQUEST: Final = Price(1.00e-6, "HTTPS request, North America and Europe", _CLOUDFRONT)
FRONT_FUNCTION: Final = Price(0.10e-6, "run of a CloudFront function", _CLOUDFRONT)
FRONT_OUT_GB: Final = Price(0.085, "GB to the internet, first 10 TB", _CLOUDFRONT)
FIREWALL: Final = Price(5.00, "web ACL, month", _WAF)
FIREWALL_RULE: Final = Price(1.00, "rule or rule group of AWS, month", _WAF)
FIREWALL_REQUEST: Final = Price(0.60e-6, "request looked at", _WAF)

ALARM_METRIC: Final = Price(0.10, "alarm, month", _CLOUDWATCH)
DASHBOARD: Final = Price(3.00, "dashboard, month", _CLOUDWATCH)
METRIC: Final = Price(0.30, "metric, month", _CLOUDWATCH)
LOG_GB: Final = Price(0.50, "GB of logs taken in", _CLOUDWATCH)

ENDPOINT_H: Final = Price(
    0.01, "interface endpoint in a zone, hour", "aws.amazon.com/privatelink/pricing"
)
SECRET: Final = Price(0.40, "secret, month", "aws.amazon.com/secrets-manager/pricing")
KMS_KEY: Final = Price(1.00, "key, month", "aws.amazon.com/kms/pricing")
MAIL: Final = Price(0.10e-3, "mail", "aws.amazon.com/ses/pricing")


def table() -> Iterator[str]:
    """Return all prices, as lines of Markdown."""
    yield "| USD | for a | page |"
    yield "| --- | --- | --- |"
    for price in globals().values():
        if isinstance(price, Price):
            shown = f"{float(price):.10f}".rstrip("0").rstrip(".")
            yield f"| {shown} | {price.what} | {price.source} |"
