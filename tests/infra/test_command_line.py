"""The CDK command line against the stand-in for AWS; its bootstrap is a fixture of all tests."""

from __future__ import annotations

from pathlib import Path

from tests.infra.account import Account
from tests.infra.synthesis import PARTS
from tests.infra.test_deployment import own


def test_a_stack_is_deployed_and_destroyed_by_the_command_line(
    account: Account, redis_url: str, tmp_path: Path
) -> None:
    addresses = {"DATABASE_URL": "", "REDIS_URL": redis_url}
    assembly = own(tmp_path, account, "broker:9092", environment="staging", **addresses)
    name, app = assembly.stack_name("data"), str(assembly.folder)

    deployed = account.cdk("deploy", "data", "--app", app, "--require-approval", "never")

    assert deployed.code == 0, deployed.text
    assert account.status(name) == "CREATE_COMPLETE"
    filled = [id_ for id_ in account.resources(name) if id_.startswith("SecretsKeysFilled")]
    assert len(filled) == 1

    destroyed = account.cdk("destroy", "data", "--app", app, "--force")

    assert destroyed.code == 0, destroyed.text
    assert not account.exists(name)


def test_the_application_is_synthesized_by_the_command_line(account: Account) -> None:
    said = account.cdk("list", "--context", "environment=staging")

    assert said.code == 0, said.text
    for part in PARTS:
        assert f"{part} (user-services-staging-{part})" in said.text


def test_an_unknown_environment_is_refused_with_a_sentence(account: Account) -> None:
    said = account.cdk("list", "--context", "environment=live")

    assert said.code != 0
    assert "environment" in said.text
    assert "Traceback" not in said.text
