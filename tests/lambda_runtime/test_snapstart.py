"""SnapStart: what is in the snapshot, and what restored copies have of their own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest

from local.process import Command, Group, Process
from tests.events import kafka
from tests.lambda_runtime import api_gateway
from tests.lambda_runtime.conftest import Variables
from tests.lambda_runtime.emulator import PYTHON, Code, built, lambda_variables
from tests.lambda_runtime.runtime_api import RuntimeApi

FUNCTIONS = ("GatewayFunction", "UserFunction", "NotificationFunction")
_SNAP_START = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}


def environment_of(code: Code, variables: dict[str, str]) -> dict[str, str]:
    return {**lambda_variables(code), **variables, **_SNAP_START}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_snapshot_has_modules_only_and_two_copies_differ(
    function: str, dist: Path, variables: Variables
) -> None:
    code = built(dist, function)
    script = Path(__file__).with_name("snapshot_copies.py")
    run = subprocess.run(
        [PYTHON, script, code.handler.rpartition(".")[0]],
        env=environment_of(code, dict(variables[function])),
        capture_output=True,
        text=True,
        check=True,
    )
    said = [json.loads(line) for line in run.stdout.splitlines() if '"kind"' in line]
    (snapshot,) = [each for each in said if each["kind"] == "snapshot"]
    copies = [each for each in said if each["kind"] == "copy"]

    assert (snapshot["threads"], snapshot["sockets"]) == (1, 0)
    assert len(copies) == 2
    assert all(copy["built"] for copy in copies)
    assert copies[0]["drawn"] != copies[1]["drawn"]


def test_what_a_restored_copy_will_import_is_in_the_snapshot(
    dist: Path, variables: Variables
) -> None:
    code = built(dist, "GatewayFunction")
    script = Path(__file__).with_name("snapshot_copies.py")
    run = subprocess.run(
        [PYTHON, script, "gateway.handler", "--no-copies"],
        env=environment_of(code, {"SECRETS_ARN": "arn:aws:secretsmanager:us-east-1:1:secret:x"}),
        capture_output=True,
        text=True,
        check=True,
    )

    snapshot = json.loads(run.stdout.splitlines()[0])
    needed = {"boto3", "email_validator", "redis.asyncio", "limits.aio.strategies"}
    assert needed <= set(snapshot["modules"])
    assert (snapshot["threads"], snapshot["sockets"]) == (1, 0)


@pytest.mark.parametrize(
    ("function", "event"),
    [
        ("GatewayFunction", api_gateway.load("get_health")),
        ("UserFunction", kafka.load("kafka_msk")),
        ("NotificationFunction", kafka.load("kafka_msk")),
    ],
)
def test_a_restored_function_answers(
    function: str,
    event: dict[str, Any],
    dist: Path,
    variables: Variables,
    runtime_api: RuntimeApi,
    group: Group,
) -> None:
    code = built(dist, function)
    env = {
        **environment_of(code, dict(variables[function])),
        "AWS_LAMBDA_RUNTIME_API": runtime_api.address,
    }
    runtime = Process(
        Command("runtime", (str(PYTHON), "-m", "awslambdaric", code.handler), env), group
    )
    assert runtime_api.snapshot.wait(30), "\n".join(runtime.last_lines)
    connected = psutil.Process(runtime.pid).net_connections("tcp")
    # To the Runtime API, which every runtime has; Lambda takes the snapshot while it waits there.
    assert len(connected) == 1

    runtime_api.restore()
    answer = runtime_api.invoke(event)
    runtime.stop()

    assert answer.get("statusCode") == 200 or answer.get("batchItemFailures")


def test_a_setting_that_is_missing_fails_the_restore_and_not_the_first_request(
    dist: Path, variables: Variables, runtime_api: RuntimeApi, group: Group
) -> None:
    code = built(dist, "UserFunction")
    env = {
        **environment_of(code, {**variables["UserFunction"], "DATABASE_URL": ""}),
        "AWS_LAMBDA_RUNTIME_API": runtime_api.address,
    }
    argv = (str(PYTHON), "-m", "awslambdaric", code.handler)
    runtime = Process(Command("runtime", argv, env), group)
    assert runtime_api.snapshot.wait(30), "\n".join(runtime.last_lines)

    runtime_api.restore()
    error = runtime_api.answers.get(timeout=30)
    runtime.stop()

    assert "DATABASE_URL is not set" in error["errorMessage"]
