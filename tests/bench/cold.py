"""Cold starts: ``make bench-cold``. Each function beside a baseline, in the same run.

The initialisation phase on AWS's runtime client and emulator, as the emulator reports it, and the
first invocation after it; medians, in milliseconds. Modules are compiled as they are imported, at
every cold start, as the function's folder is read-only; "compiled" is ``make build BYTECODE=1``.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from local import environment, keys, ports
from local.build import PYTHON as VERSION
from local.build import ROOT, TARGETS, build
from local.environment import Addresses
from local.process import Group
from local.services.postgres import Postgres
from tests.aws_lambda import api_gateway
from tests.aws_lambda.brokers import CuttableBroker
from tests.aws_lambda.emulator import PYTHON, Code, Environment, built, emulator_binary
from tests.events import kafka
from tests.services import migrate, start

_BASELINES = Path(__file__).with_name("cold_baselines")


class Candidate(NamedTuple):
    """One function that is measured.

    Attributes:
        name: what it is called in the table.
        code: what runs.
        variables: its environment.
        event: the first event.
        baseline: the name of what it is compared with; empty for a baseline.
        goal: the most that its init may be of the baseline's; 0 for none.
    """

    name: str
    code: Code
    variables: Mapping[str, str]
    event: Any
    baseline: str = ""
    goal: float = 0.0


class Sample(NamedTuple):
    """Milliseconds: the phase, the first invocation, and the processor's time for both."""

    init: float
    first: float
    cpu: float


def candidates(dist: Path, variables: Mapping[str, Mapping[str, str]]) -> list[Candidate]:
    """Baselines and functions, in the order of the table."""
    get, records = api_gateway.load("get_health"), kafka.load("kafka_msk")

    def baseline(name: str, *beside: Path) -> Code:
        return Code(_BASELINES, f"{name}.handler", None, beside)

    layer = dist / "shared-layer" / "python"

    def function(name: str, event: Any, beside: str, goal: float) -> Iterator[Candidate]:
        for title, folder in ((name, dist), (f"{name}, compiled", dist / "compiled")):
            code = built(folder, f"{name.capitalize()}Function")
            yield Candidate(title, code, variables[name], event, beside, goal)

    return [
        Candidate("bare", baseline("bare"), {}, get),
        Candidate("FastAPI + Mangum hello", baseline("hello", dist / "hello"), {}, get),
        *function("gateway", get, "FastAPI + Mangum hello", 1.2),
        Candidate(
            "bare, user's drivers",
            baseline("user_drivers", dist / "user", layer), {}, records,
        ),
        *function("user", records, "bare, user's drivers", 2.0),
        Candidate(
            "bare, notification's drivers",
            baseline("notification_drivers", dist / "notification", layer), {}, records,
        ),
        *function("notification", records, "bare, notification's drivers", 2.0),
    ]  # fmt: skip


def measure(candidate: Candidate, group: Group) -> Sample:
    """One cold start."""
    started = Environment(candidate.code, candidate.variables, group)
    begun = time.perf_counter()
    started.invoke(candidate.event)
    took_ms = (time.perf_counter() - begun) * 1000
    init_ms = started.init_ms
    cpu = started.runtime.cpu_times()
    started.close()
    return Sample(init_ms, took_ms - init_ms, (cpu.user + cpu.system) * 1000)


def table(all_: list[Candidate], samples: Mapping[str, list[Sample]]) -> str:
    """The medians, and what each function takes of its baseline's init and processor time."""
    lines = [f"{'ms, median':32} {'init':>6} {'first':>6} {'cpu':>6}  {'init':>5} {'cpu':>5}  goal"]
    medians = {
        name: Sample(*(median(column) for column in zip(*of, strict=True)))
        for name, of in samples.items()
    }
    for one in all_:
        own = medians[one.name]
        line = f"{one.name:32} {own.init:6.0f} {own.first:6.0f} {own.cpu:6.0f}"
        if one.baseline:
            base = medians[one.baseline]
            init, cpu = own.init / base.init, own.cpu / base.cpu
            line += f"  {init:5.2f} {cpu:5.2f}  {one.goal:.1f}"
            line += "" if init <= one.goal else "  MISSED"
        lines.append(line)
    return "\n".join(lines)


def _install_hello(folder: Path) -> None:
    """What ``pip install fastapi mangum`` brings, of the versions that the gateway has."""
    uv = str(Path(sysconfig.get_path("scripts"), "uv"))
    lock = str(ROOT / "requirements" / "gateway.txt")
    where = ["--target", str(folder), "--python-version", VERSION, "--constraint", lock]
    subprocess.run([uv, "pip", "install", "-q", *where, "fastapi", "mangum"], check=True)


def _variables(address: str, database: str) -> dict[str, dict[str, str]]:
    made = keys.make()
    addresses = Addresses(
        api="https://app.example.com",
        inbox="",
        kafka=address,
        database=database,
        redis="redis://127.0.0.1:1",
        smtp="smtp://127.0.0.1:1",
    )
    deployed = {"LOG_FORMAT": "json", "METRICS_NAMESPACE": "UserServices"}
    return {
        "gateway": {**environment.for_gateway(addresses, made, 0), **deployed},
        "user": {**environment.for_user(addresses, made), **deployed},
        "notification": {**environment.for_notification(addresses, made), **deployed},
    }


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.cold", description=__doc__)
    parser.add_argument("--times", type=int, default=9, help="cold starts of each function")
    times = parser.parse_args().times
    if not PYTHON.exists() or emulator_binary() is None:
        sys.exit("no Lambda runtime: it needs Python 3.13, then make setup-lambda")
    with ExitStack() as stack:
        group = stack.enter_context(Group())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)  # PostgreSQL, under root, must reach it
        _install_hello(folder / "dist" / "hello")
        for target in TARGETS.values():
            for dist, bytecode in ((folder / "dist", ""), (folder / "dist/compiled", str(PYTHON))):
                build(target, dist / target.folder, "x86_64", bytecode)
        server = Postgres(folder / "postgres", ports.any_free(), "app_bench", durable=False)
        server.prepare()
        database, _ = start(server.command(), group)
        stack.callback(database.stop)
        migrate(server.url, group)
        broker = CuttableBroker()
        all_ = candidates(folder / "dist", _variables(broker.address, server.url))
        samples: dict[str, list[Sample]] = {one.name: [] for one in all_}
        for _ in range(times):
            for one in all_:
                samples[one.name].append(measure(one, group))
        print(table(all_, samples))  # noqa: T201 - the command's output


if __name__ == "__main__":
    main()
