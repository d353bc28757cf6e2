"""The calculator's figures, checked by hand and against what AWS works out itself."""

from __future__ import annotations

import re
from typing import Any

import pytest

from infra.cdk.cost.__main__ import table
from infra.cdk.cost.model import HOURS, Kafka, Load, Mix, Work, mappings, month
from infra.cdk.environments import DEV, PROD
from infra.cdk.naming import ROOT

DOCUMENT = (ROOT / "docs/cost.md").read_text()
NOBODY = Load(rps=0, users=0)


def lines(
    load: Load, kafka: Kafka = "serverless", stage: Any = DEV
) -> dict[str, tuple[float, float]]:
    return {line.component: (line.idle, line.by_load) for line in month(load, DEV, kafka)}


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


@pytest.mark.parametrize(
    ("heading", "kafka"), [("MSK Serverless", "serverless"), ("Kafka of your own", "own")]
)
def test_the_document_shows_what_the_calculator_says(heading: str, kafka: Kafka) -> None:
    shown = re.search(rf"### Idle, {heading}\n+```text\n(.*?)```", DOCUMENT, re.DOTALL)

    assert shown
    assert shown[1].strip() == table(NOBODY, "dev", kafka)
