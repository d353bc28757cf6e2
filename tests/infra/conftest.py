"""Runs when it is named (``make test-infra``): it needs CDK, the SAM CLI, Node.js and minutes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import ports
from local.process import Command, Group
from tests.infra.account import ID, REGION, Account
from tests.services import start

_HERE = Path(__file__).parent


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    named = [Path(argument.split("::")[0]).resolve() for argument in config.invocation_params.args]
    return None if any(path == _HERE or _HERE in path.parents for path in named) else True


@pytest.fixture(scope="session")
def account(group: Group) -> Iterator[Account]:
    """An account in the stand-in for AWS, made ready by ``cdk bootstrap``."""
    port = ports.any_free()
    command = Command(
        name="aws",
        argv=(sys.executable, "-m", "tests.infra.stand_in", "--port", str(port)),
        env={**os.environ, **Account.CREDENTIALS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"},
        ready=r"AWS listens on (?P<url>\S+)",
    )
    process, told = start(command, group)
    account = Account(told["url"])
    said = account.cdk("bootstrap", f"aws://{ID}/{REGION}", "--app", "")
    assert said.code == 0, said.text
    yield account
    process.stop()
