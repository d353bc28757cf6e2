"""Cold starts: ``make bench-cold``. Each function beside a baseline, in the same run.

The initialisation phase on AWS's runtime client and emulator, as the emulator reports it, the first
invocation after it, and the processor's time for both, which says more on a busy machine: goals are
of that. Medians, in milliseconds. Modules are compiled as they are imported, at every cold start,
as the function's folder is read-only; "compiled" is ``make build BYTECODE=1``, and its baselines
are compiled, too.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import httpx

from local import environment, keys, ports
from local.build import PYTHON as VERSION
from local.build import TARGETS, build
from local.environment import Addresses
from local.process import Group
from local.project import ROOT
from local.services.postgres import Postgres
from tests.events import kafka
from tests.lambda_runtime import api_gateway
from tests.lambda_runtime.brokers import CuttableBroker
from tests.lambda_runtime.emulator import PYTHON, Code, Environment, built, emulator_binary
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
        goal: the most processor's time that it may take of the baseline's; 0 for none.
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


def candidates(
    dist: Path, variables: Mapping[str, Mapping[str, str]], suffix: str = ""
) -> list[Candidate]:
    """Baselines and functions of one build, in the order of the table."""
    layer = dist / "shared-layer" / "python"
    get, records = api_gateway.load("get_health"), kafka.load("kafka_msk")
    # It is counted before its token is missed, and whoever first wants Redis imports redis-py.
    profile = api_gateway.event(httpx.Request("GET", "https://api.example.com/api/v1/auth/profile"))

    def baseline(name: str, module: str, event: Any, *beside: Path) -> Candidate:
        code = Code(_BASELINES, f"{module}.handler", None, beside)
        return Candidate(name + suffix, code, {}, event)

    def function(name: str, event: Any, beside: str, goal: float, what: str = "") -> Candidate:
        code = built(dist, f"{name.capitalize()}Function")
        return Candidate(name + what + suffix, code, variables[name], event, beside + suffix, goal)

    return [
        baseline("bare", "bare", get),
        baseline("FastAPI + Mangum hello", "hello", get, dist / "hello"),
        function("gateway", get, "FastAPI + Mangum hello", 1.2),
        function("gateway", profile, "FastAPI + Mangum hello", 0.0, ", asked for a profile"),
        baseline("user's drivers", "user_drivers", records, dist / "user", layer),
        function("user", records, "user's drivers", 2.0),
        baseline(
            "notification's drivers", "notification_drivers", records, dist / "notification", layer
        ),
        function("notification", records, "notification's drivers", 2.0),
    ]


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
    lines = [f"{'ms, median':40} {'init':>6} {'first':>6} {'cpu':>6}  {'init':>5} {'cpu':>5}  goal"]
    medians = {
        name: Sample(*(median(column) for column in zip(*of, strict=True)))
        for name, of in samples.items()
    }
    for one in all_:
        own = medians[one.name]
        line = f"{one.name:40} {own.init:6.0f} {own.first:6.0f} {own.cpu:6.0f}"
        if one.baseline:
            base = medians[one.baseline]
            init, cpu = own.init / base.init, own.cpu / base.cpu
            line += f"  {init:5.2f} {cpu:5.2f}"
            if one.goal:
                line += f"  {one.goal:.1f}" + ("" if cpu <= one.goal else "  MISSED")
        lines.append(line)
    return "\n".join(lines)


def _install_hello(folder: Path) -> None:
    """What ``pip install fastapi mangum`` brings, of the versions that the gateway has."""
    uv = str(Path(sysconfig.get_path("scripts"), "uv"))
    lock = str(ROOT / "requirements" / "gateway.txt")
    where = ["--target", str(folder), "--python-version", VERSION, "--constraint", lock]
    subprocess.run([uv, "pip", "install", "-q", *where, "fastapi", "mangum"], check=True)


def _build_all(dist: Path, bytecode: str) -> None:
    _install_hello(dist / "hello")
    if bytecode:
        subprocess.run([bytecode, "-m", "compileall", "-q", dist / "hello"], check=True)
    for target in TARGETS.values():
        build(target, dist / target.folder, "x86_64", bytecode)


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
        dist, compiled = folder / "dist", folder / "compiled"
        _build_all(dist, "")
        _build_all(compiled, str(PYTHON))
        server = Postgres(folder / "postgres", ports.any_free(), "app_bench", durable=False)
        server.prepare()
        database, _ = start(server.command(), group)
        stack.callback(database.stop)
        migrate(server.url, group)
        broker = CuttableBroker()
        variables = _variables(broker.address, server.url)
        all_ = candidates(dist, variables) + candidates(compiled, variables, ", compiled")
        samples: dict[str, list[Sample]] = {one.name: [] for one in all_}
        for _ in range(times):
            for one in all_:
                samples[one.name].append(measure(one, group))
        print(table(all_, samples))  # noqa: T201 - the command's output


if __name__ == "__main__":
    main()
