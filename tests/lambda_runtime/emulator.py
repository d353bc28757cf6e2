"""A built function on AWS's runtime interface client and emulator, without a container.

The emulator is AWS's own binary, which the SAM CLI's wheel carries; it starts the runtime at the
first invocation and serves one at a time, as one execution environment does.
"""

from __future__ import annotations

import json
import platform
import re
import signal
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psutil

from local import ports
from local.build import TARGETS
from local.process import Command, Group, Process
from local.project import ROOT
from tests.services import PATIENCE_S, eventually

PYTHON = ROOT / ".venv-lambda" / "bin" / "python"
_ARCH = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
_PATH = "/2015-03-31/functions/function/invocations"
_INIT = re.compile(r"INIT REPORT\(durationMs: ([\d.]+)\)")


def emulator_binary() -> Path | None:
    """Where the emulator is, or None."""
    name = f"samcli/local/rapid/aws-lambda-rie-{_ARCH}"
    return next(iter(ROOT.glob(f".venv-sam/lib/python*/site-packages/{name}")), None)


class Code(NamedTuple):
    """What an execution environment has of a function.

    Attributes:
        task: the function's folder, Lambda's ``/var/task``.
        handler: dotted name.
        layer: the layer's folder, Lambda's ``/opt``; None for no layer.
        beside: more folders with packages; a function that is deployed has none.
    """

    task: Path
    handler: str
    layer: Path | None
    beside: tuple[Path, ...] = ()


def built(dist: Path, logical_id: str) -> Code:
    """A function of template.yaml as ``make build`` leaves it."""
    folder = TARGETS[logical_id].folder
    return Code(dist / folder, f"{folder}.handler.handler", dist / "shared-layer")


class FunctionError(Exception):
    """The function raised; the attribute ``answer`` is what Lambda says of it."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__(answer)
        self.answer = answer


class Environment:
    """One execution environment.

    Args:
        code: what runs in it.
        variables: the function's, beside those that Lambda sets.

    Attributes:
        lines: every line of the function's log and the emulator's.
        url: where it is invoked.
    """

    def __init__(self, code: Code, variables: Mapping[str, str], group: Group) -> None:
        self.lines: list[str] = []
        binary = emulator_binary()
        assert binary is not None, "make setup-lambda"
        port, runtime_port = ports.any_free(), ports.any_free()
        argv = (
            *(str(binary), "--log-level", "info"),
            *("--runtime-interface-emulator-address", f"{ports.HOST}:{port}"),
            *("--runtime-api-address", f"{ports.HOST}:{runtime_port}"),
            *(str(PYTHON), "-m", "awslambdaric", code.handler),
        )
        env = {**lambda_variables(code), **variables}
        command = Command("emulator", argv, env, ready=r"\(rapid\) exec")
        self._process = Process(command, group, self.lines.append)
        self._process.wait_ready(PATIENCE_S)
        eventually(lambda: _listens(port), PATIENCE_S)
        self.url = f"http://{ports.HOST}:{port}{_PATH}"
        self._http = httpx.Client(timeout=60)

    def invoke(self, event: object) -> Any:
        """Invoke the function and return its answer.

        Raises:
            FunctionError: it raised, or could not be initialised.
        """
        response = self._http.post(self.url, content=json.dumps(event))
        answer = response.json()
        if response.status_code != 200 or (isinstance(answer, dict) and "errorType" in answer):
            raise FunctionError(answer)
        return answer

    @property
    def init_ms(self) -> float:
        """How long the initialisation phase took, by the emulator's own report."""
        reported = eventually(lambda: list(filter(None, map(_INIT.search, self.lines))))
        return float(reported[0][1])

    @property
    def runtime(self) -> psutil.Process:
        """The process of the runtime: Python with the function in it."""
        (runtime,) = psutil.Process(self._process.pid).children()
        return runtime

    def freeze(self) -> None:
        """Stop every thread, as Lambda does between invocations."""
        runtime = self.runtime
        runtime.send_signal(signal.SIGSTOP)
        eventually(lambda: runtime.status() == psutil.STATUS_STOPPED)

    def thaw(self) -> None:
        """Go on."""
        self.runtime.send_signal(signal.SIGCONT)

    def logged(self) -> list[dict[str, Any]]:
        """The function's log: every line that is a JSON object."""
        return [json.loads(line) for line in self.lines if line.startswith("{")]

    def close(self) -> None:
        """End it."""
        self._http.close()
        self._process.stop()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((ports.HOST, port)) == 0


def lambda_variables(code: Code) -> dict[str, str]:
    """What Lambda sets (Developer Guide, "Defined runtime environment variables")."""
    path = [code.task, *code.beside, *([code.layer / "python"] if code.layer else [])]
    return {
        "PYTHONPATH": ":".join(map(str, path)),
        "PYTHONSAFEPATH": "1",  # nothing of this project but what is built
        "PYTHONDONTWRITEBYTECODE": "1",  # the task's folder is read-only in Lambda
        "PYTHONUNBUFFERED": "1",
        "LAMBDA_TASK_ROOT": str(code.task),
        "AWS_LAMBDA_FUNCTION_NAME": code.handler.partition(".")[0],
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": "60",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "PATH": "/usr/bin:/bin",
        "HOME": "/nonexistent",
        "TZ": ":UTC",
    }
