"""The simulation behaves as queueing theory says, and as the design demands."""

from __future__ import annotations

import pytest

from infra.cdk.capacity.plot import SYSTEMS
from infra.cdk.capacity.simulation import System, simulate


def test_a_lone_login_takes_its_hash_and_its_way() -> None:
    outcome = simulate(System(), rate=0.5)

    assert outcome.p50_s == pytest.approx(0.25 + 0.03, rel=0.01)


def test_one_partition_with_batches_of_one_waits_as_an_m_d_1_queue() -> None:
    # Mean wait of M/D/1 (Pollaczek and Khinchine): load * service / (2 * (1 - load)).
    system = System(partitions=1, batch=1, way_s=0)
    load = 0.5
    waits = [simulate(system, load / system.hash_s, seconds=4_000, seed=s).p50_s for s in range(5)]
    median = sum(waits) / len(waits)

    assert system.hash_s < median < system.hash_s + load * system.hash_s / (2 * (1 - load))


@pytest.mark.parametrize("name", SYSTEMS)
def test_below_its_limit_everything_is_answered(name: str) -> None:
    system = SYSTEMS[name]

    outcome = simulate(system, 0.7 * system.limit)

    assert outcome.answered == pytest.approx(outcome.offered)


def test_twice_the_load_brings_no_collapse_when_hopeless_commands_are_skipped_early() -> None:
    careless, careful = System(), System(margin_s=0.3)

    lost = simulate(careless, 2 * careless.limit)
    kept = simulate(careful, 2 * careful.limit)

    assert kept.answered > 0.9 * careful.limit
    assert lost.answered < 0.5 * careless.limit


def test_partitions_and_processors_carry_alike() -> None:
    assert System(partitions=24).limit == System(processors=4).limit == 4 * System().limit
