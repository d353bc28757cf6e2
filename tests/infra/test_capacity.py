"""The simulation behaves as queueing theory says, and as the design demands."""

from __future__ import annotations

import pytest

from infra.cdk.naming import ROOT
from infra.economics.capacity import measured
from infra.economics.capacity.__main__ import table
from infra.economics.capacity.measured import Pair
from infra.economics.capacity.plot import SYSTEMS
from infra.economics.capacity.simulation import SimulatedSystem, simulate

DOCUMENT = (ROOT / "docs/capacity.md").read_text()
# How far a time may be from what was measured, as the document says.
FACTOR = 1.6


def test_a_lone_login_takes_its_hash_and_its_way() -> None:
    outcome = simulate(SimulatedSystem(), rate=0.5)

    assert outcome.p50_s == pytest.approx(0.25 + 0.03, rel=0.01)


def test_one_partition_with_batches_of_one_waits_as_an_m_d_1_queue() -> None:
    # Mean wait of M/D/1 (Pollaczek and Khinchine): load * service / (2 * (1 - load)).
    system = SimulatedSystem(partitions=1, batch=1, way_s=0)
    load = 0.5
    waits = [simulate(system, load / system.hash_s, seconds=4_000, seed=s).p50_s for s in range(5)]
    median = sum(waits) / len(waits)

    assert system.hash_s < median < system.hash_s + load * system.hash_s / (2 * (1 - load))


@pytest.mark.parametrize("name", SYSTEMS)
def test_below_its_limit_everything_is_answered(name: str) -> None:
    system = SYSTEMS[name]

    outcome = simulate(system, 0.7 * system.limit)

    assert outcome.answered == pytest.approx(outcome.offered)


def test_twice_the_load_brings_no_collapse_because_hopeless_commands_are_skipped_early() -> None:
    careless, careful = SimulatedSystem(gives_up_early=False), SimulatedSystem()

    lost = simulate(careless, 2 * careless.limit)
    kept = simulate(careful, 2 * careful.limit)

    assert kept.answered > 0.9 * careful.limit
    assert lost.answered < 0.5 * careless.limit


def test_partitions_and_processors_carry_alike() -> None:
    assert (
        SimulatedSystem(partitions=24).limit
        == SimulatedSystem(processors=4).limit
        == 4 * SimulatedSystem().limit
    )


@pytest.mark.parametrize("pair", measured.pairs(), ids=lambda pair: f"{pair.measured.offered}/s")
def test_a_system_under_load_does_what_the_simulation_says(pair: Pair) -> None:
    row, said = pair

    assert row.answered == pytest.approx(said.answered, rel=0.1)
    assert 1 / FACTOR < row.p50_s / said.p50_s < FACTOR
    assert 1 / FACTOR < row.p99_s / said.p99_s < FACTOR


def test_more_was_measured_than_an_idle_system() -> None:
    found = measured.last_measurement()

    shares = [row.offered / found.system(row).limit for row in found.rows]

    assert min(shares) < 0.5
    assert max(shares) > 1


def test_the_document_shows_what_was_simulated_and_what_was_measured() -> None:
    assert "\n".join(table()) in DOCUMENT
    assert "\n".join(measured.table()) in DOCUMENT
    assert measured.last_measurement().day in DOCUMENT
