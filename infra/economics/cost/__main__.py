"""The calculator: ``python -m infra.economics.cost --rps 10 --users 10000``."""

from __future__ import annotations

import argparse
import sys
from typing import cast

from infra.cdk.environments import ENVIRONMENTS
from infra.economics.cost import prices
from infra.economics.cost.model import KafkaKind, Load, month, total


def table(load: Load, environment: str, kafka: KafkaKind) -> str:
    """Return the bill as text."""
    (stage,) = (stage for name, stage in ENVIRONMENTS.items() if name == environment)
    lines = month(load, stage, kafka)
    rows = [f"{'USD a month':<28}{'idle':>10}{'by load':>12}{'total':>12}"]
    rows += [
        f"{x.component:<28}{x.idle:>10,.2f}{x.by_load:>12,.2f}{x.total:>12,.2f}" for x in lines
    ]
    idle, by_load, both = total(lines)
    rows.append(f"{'all':<28}{idle:>10,.2f}{by_load:>12,.2f}{both:>12,.2f}")
    if load.requests:
        rows.append(f"{both / load.requests * 1e6:,.2f} USD for a million requests")
    return "\n".join(rows)


def main() -> None:
    """Print the bill of a month."""
    parser = argparse.ArgumentParser(prog="make cost", description=__doc__)
    parser.add_argument("--rps", type=float, required=True, help="requests a second, on average")
    parser.add_argument("--users", type=int, required=True, help="users stored")
    parser.add_argument("--environment", choices=sorted(ENVIRONMENTS), default="dev")
    parser.add_argument("--kafka", choices=("serverless", "express", "own"), default="serverless")
    parser.add_argument("--prices", action="store_true", help="show each price and its source")
    given = parser.parse_args()
    load = Load(rps=given.rps, users=given.users)
    demand = f"{given.rps:g} requests/s, {given.users:,} users"
    lines = [
        f"{given.environment}, Kafka {given.kafka}, {demand}",
        f"List prices of {prices.REGION}, noted by hand on {prices.DATE}; look them up again.",
        "",
        table(load, given.environment, cast("KafkaKind", given.kafka)),
    ]
    if given.prices:
        lines += ["", *prices.table()]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
