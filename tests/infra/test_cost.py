"""The calculator's figures, checked by hand and against what AWS works out itself."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from infra.cdk.environments import DEV, PROD, STAGING, Environment
from infra.cdk.naming import ROOT
from infra.economics.cost import prices
from infra.economics.cost.__main__ import table
from infra.economics.cost.model import HOURS, KafkaKind, Load, Mix, Work, alarms, mappings, month
from tests.infra.synthesis import Assembly, dev, on_own_kafka, prod

DOCUMENT = (ROOT / "docs/cost.md").read_text()
NOBODY = Load(rps=0, users=0)


def lines(
    load: Load, kafka: KafkaKind = "serverless", stage: Any = DEV
) -> dict[str, tuple[float, float]]:
    return {line.component: (line.idle, line.by_load) for line in month(load, stage, kafka)}


def test_one_group_of_pollers_costs_a_tenth_of_what_ten_single_mappings_do() -> None:
    # AWS's own example counts 720 hours: 133.20 USD for a group, 1,332 USD for ten alone.
    idle, _ = lines(NOBODY)["Event pollers (one group)"]

    assert mappings() <= 10
    assert idle * 720 / HOURS == pytest.approx(133.20)


def test_nobody_costs_nothing_by_load() -> None:
    assert all(by_load == 0 for _, by_load in lines(NOBODY).values())


def test_a_million_requests_of_the_api_are_a_dollar() -> None:
    load = Load(rps=1_000_000 / (HOURS * 3600), users=0)

    idle, by_load = lines(load)["API Gateway"]

    assert idle == 0
    assert by_load == pytest.approx(1.0)


def test_a_login_costs_its_seconds_in_both_functions() -> None:
    logins = Load(
        1_000_000 / (HOURS * 3600), 0, Mix(1, 0, 0, 0), Work(bcrypt_s=1, command_s=0, reply_s=0)
    )

    _, cost = lines(logins)["Lambda functions"]

    assert cost == pytest.approx(1e6 * (1 + 1.769) * 0.0000166667 + 2e6 * 0.2e-6)


def test_with_ones_own_kafka_nothing_of_it_is_on_the_bill() -> None:
    own = set(lines(NOBODY, "own"))

    assert not own & {"MSK Serverless", "Aurora", "RDS Proxy", "ElastiCache", "VPC endpoints"}


def test_what_is_retained_and_doubled_makes_prod_dearer_than_dev() -> None:
    def total(stage: Any) -> float:
        return sum(line.total for line in month(NOBODY, stage, "serverless"))

    assert total(PROD) > total(DEV)
    assert total(PROD) < PROD.budget_usd


def test_a_million_requests_pass_cloudfront_and_the_firewall_for_less_than_two_dollars() -> None:
    load = Load(rps=1_000_000 / (HOURS * 3600), users=0)

    found = lines(load, stage=PROD)

    assert found["AWS WAF"] == pytest.approx((9.0, 0.60))
    # 1.00 for requests, 0.10 for the function, and 1.5 GB to the internet.
    assert found["CloudFront"] == pytest.approx((0, 1.00 + 0.10 + 1.5 * 0.085))
    assert "AWS WAF" not in lines(load, stage=DEV)


@pytest.mark.parametrize(
    ("made", "stage", "kafka"),
    [(dev, DEV, "serverless"), (prod, PROD, "express"), (on_own_kafka, STAGING, "own")],
)
def test_what_is_counted_is_what_is_deployed(
    made: Callable[[], Assembly], stage: Environment, kafka: KafkaKind
) -> None:
    kinds = Counter(resource["Type"] for _, _, resource in made().all_resources())
    ours = kinds["AWS::SecretsManager::Secret"] + kinds["AWS::RDS::DBCluster"]  # RDS keeps one
    found = lines(NOBODY, kafka, stage)
    rules = made().only("firewall", "AWS::WAFv2::WebACL")["Rules"] if stage.front else []

    assert kinds["AWS::CloudWatch::Alarm"] == alarms(stage, kafka)
    assert found["Secrets and keys"][0] == pytest.approx(
        ours * prices.SECRET + kinds["AWS::KMS::Key"] * prices.KMS_KEY
    )
    if stage.front:
        assert found["AWS WAF"][0] == prices.FIREWALL + len(rules) * prices.FIREWALL_RULE


@pytest.mark.parametrize(
    ("heading", "environment", "kafka"),
    [
        ("dev with MSK Serverless", "dev", "serverless"),
        ("dev on Kafka of your own", "dev", "own"),
        ("prod with MSK Express", "prod", "express"),
    ],
)
def test_the_document_shows_what_the_calculator_says(
    heading: str, environment: str, kafka: KafkaKind
) -> None:
    shown = re.search(rf"### {heading}\n+```text\n(.*?)```", DOCUMENT, re.DOTALL)

    assert shown
    assert shown[1].strip() == table(NOBODY, environment, kafka)


def test_the_document_has_each_price_its_page_and_the_day() -> None:
    assert "\n".join(prices.table()) in DOCUMENT
    assert prices.DATE in DOCUMENT
