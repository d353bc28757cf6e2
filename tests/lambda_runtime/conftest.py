"""The built folders, and execution environments for them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from lambda_esm.template.document import load_template
from local import environment
from local.build import TARGETS, build
from local.environment import Addresses
from local.keys import Keys
from local.process import Command, Group, Process, module
from local.project import ROOT
from tests.lambda_runtime.brokers import CuttableBroker
from tests.lambda_runtime.emulator import PYTHON, Environment, built, emulator_binary
from tests.lambda_runtime.runtime_api import RuntimeApi
from tests.services import PATIENCE_S, Inbox

Start = Callable[..., Environment]
Variables = Mapping[str, Mapping[str, str]]
_AS_DEPLOYED = {"LOG_FORMAT": "json", "METRICS_NAMESPACE": "UserServices", "BCRYPT_COST": "4"}


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where this session has built all folders, from the sources as they are now."""
    dist = tmp_path_factory.mktemp("dist")
    for target in TARGETS.values():
        build(target, dist / target.folder, "x86_64")
    return dist


@pytest.fixture(scope="session")
def runtime() -> None:
    """Skips where the Lambda runtime is not there."""
    if not PYTHON.exists():
        pytest.skip("no Lambda runtime: it needs Python 3.13, then make setup-lambda")
    if emulator_binary() is None:
        pytest.skip("no Lambda emulator: make setup-lambda")


@pytest.fixture(scope="session")
def own_broker(runtime: None) -> CuttableBroker:
    """A broker that no other test's functions read from."""
    return CuttableBroker()


@pytest.fixture(scope="session")
def variables(
    own_broker: CuttableBroker, database_url: str, redis_url: str, inbox: Inbox, keys: Keys
) -> Variables:
    """Each function's variables, by its name in template.yaml."""
    addresses = Addresses(
        api="https://app.example.com",
        inbox=inbox.url,
        kafka=own_broker.address,
        database=database_url,
        redis=redis_url,
        smtp=inbox.smtp_url,
    )
    return {
        "GatewayFunction": {**environment.for_gateway(addresses, keys, 0), **_AS_DEPLOYED},
        "UserFunction": {**environment.for_user(addresses, keys), **_AS_DEPLOYED},
        "NotificationFunction": {**environment.for_notification(addresses, keys), **_AS_DEPLOYED},
    }


@pytest.fixture(scope="module")
def start(runtime: None, dist: Path, variables: Variables, group: Group) -> Iterator[Start]:
    """Starts execution environments of functions; they end with the module."""
    functions = load_template(ROOT / "template.yaml")["Resources"]
    started: list[Environment] = []

    def start(logical_id: str, **more: str) -> Environment:
        code = built(dist, logical_id)
        # The emulator ends what takes longer, as Lambda does.
        limit = {"AWS_LAMBDA_FUNCTION_TIMEOUT": str(functions[logical_id]["Properties"]["Timeout"])}
        started.append(Environment(code, {**variables[logical_id], **limit, **more}, group))
        return started[-1]

    yield start
    for each in started:
        each.close()


@pytest.fixture
def runtime_api() -> Iterator[RuntimeApi]:
    """The other side of a runtime that is started without the emulator."""
    api = RuntimeApi()
    yield api
    api.close()


@pytest.fixture(scope="module")
def trigger(own_broker: CuttableBroker, group: Group) -> Iterator[Callable[..., Process]]:
    """Runs the event source mappings of a function, which invoke its environments."""
    started: list[Process] = []

    def trigger(logical_id: str, *environments: Environment) -> Process:
        endpoints = [flag for each in environments for flag in ("--endpoint", each.url)]
        argv = module(
            *(
                "lambda_esm",
                "run",
                "--template",
                str(ROOT / "template.yaml"),
                "--function",
                logical_id,
            ),
            *("--bootstrap-servers", own_broker.address, *endpoints),
        )
        env = {**os.environ, "KAFKA_SECURITY_PROTOCOL": "PLAINTEXT", "KAFKA_FETCH_WAIT_MS": "5"}
        started.append(Process(Command("esm", argv, env, ready=r"\bready\b"), group))
        started[-1].wait_ready(PATIENCE_S)
        return started[-1]

    yield trigger
    for each in started:
        each.stop()
