"""X-Ray: a segment of each invocation where tracing is on, not even an import where it is off."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import ports
from local.process import Command, Group, Process
from tests.events import kafka
from tests.lambda_runtime import api_gateway
from tests.lambda_runtime.conftest import Start, Variables
from tests.lambda_runtime.emulator import PYTHON, built, lambda_variables
from tests.lambda_runtime.runtime_api import TRACE_ID, RuntimeApi

# Packages and modules, by what their names begin with; the first request that needs one imports it.
_NOT_NEEDED = (
    *("aws_xray_sdk", "boto3", "botocore.session", "redis", "limits", "pydantic.v1"),
    *("email_validator", "dns", "jmespath", "confluent_kafka.admin", "cryptography.x509."),
)


@pytest.fixture
def daemon() -> Iterator[socket.socket]:
    """Where X-Ray's daemon listens."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind((ports.HOST, 0))
        daemon.settimeout(10)
        yield daemon


@pytest.mark.parametrize(
    ("function", "service", "event"),
    [
        ("GatewayFunction", "gateway", api_gateway.load("get_health")),
        ("UserFunction", "user", kafka.load("kafka_msk")),
        ("NotificationFunction", "notification", kafka.load("kafka_msk")),
    ],
)
def test_each_invocation_is_a_segment_that_says_whether_it_was_cold(
    dist: Path,
    variables: Variables,
    runtime_api: RuntimeApi,
    daemon: socket.socket,
    group: Group,
    function: str,
    service: str,
    event: object,
) -> None:
    code = built(dist, function)
    env = {
        **lambda_variables(code),
        **variables[function],
        "TRACING": "Active",
        "AWS_XRAY_DAEMON_ADDRESS": f"{ports.HOST}:{daemon.getsockname()[1]}",
        "AWS_LAMBDA_RUNTIME_API": runtime_api.address,
    }
    argv = (str(PYTHON), "-m", "awslambdaric", code.handler)
    runtime = Process(Command("runtime", argv, env), group)

    found = []
    for _ in range(2):
        runtime_api.invoke(event)
        found.append(json.loads(daemon.recv(65_535).partition(b"\n")[2]))
    runtime.stop()

    assert [segment["name"] for segment in found] == [f"## {service}"] * 2
    assert [segment["annotations"]["ColdStart"] for segment in found] == [True, False]
    assert found[0]["annotations"]["Service"] == service
    assert found[0]["trace_id"] == TRACE_ID


def test_nobody_waits_for_what_a_cold_start_does_not_need(start: Start) -> None:
    environment = start("GatewayFunction", PYTHONVERBOSE="1")

    environment.invoke(api_gateway.load("get_health"))

    imported = [line for line in environment.lines if line.startswith("import '")]
    assert any("'gateway.app'" in line for line in imported)
    for package in _NOT_NEEDED:
        assert not [line for line in imported if line.startswith(f"import '{package}")], package
