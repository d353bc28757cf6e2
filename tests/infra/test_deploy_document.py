"""Every command in docs/deploy.md is real: its target, its subcommand, its options, its files."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import botocore.session
import msgspec
import pytest

from infra.cdk.naming import ROOT, stack_name
from infra.cdk.options import Options, read_options, read_self_managed
from tests.infra.account import Account
from tests.infra.synthesis import PARTS
from tests.makefile import has_target

DOCUMENT = (ROOT / "docs/deploy.md").read_text()
BLOCKS = re.findall(r"```(sh|json)\n(.*?)```", DOCUMENT, re.DOTALL)
COMMANDS = [
    shlex.split(line) for kind, block in BLOCKS if kind == "sh" for line in block.splitlines()
]
CDK = [command[2:] for command in COMMANDS if command[:2] == ["npx", "cdk"]]
AWS = [command[1:] for command in COMMANDS if command[0] == "aws"]


def test_it_has_commands_of_each_kind() -> None:
    assert {command[0] for command in COMMANDS} == {"make", "cd", "npx", "aws"}
    assert {command[0] for command in CDK} == {"bootstrap", "diff", "deploy", "destroy"}


def test_every_target_is_in_the_makefile() -> None:
    for command in COMMANDS:
        if command[0] == "make":
            assert has_target(command[1]), command


def test_every_folder_and_linked_file_exists() -> None:
    for command in COMMANDS:
        if command[0] == "cd":
            assert (ROOT / command[1]).is_dir()
    for link in re.findall(r"\]\(([^)#]+)\)", DOCUMENT):
        assert (ROOT / "docs" / link).exists(), link


@pytest.mark.parametrize("command", CDK, ids=" ".join)
def test_cdk_knows_the_command_and_we_its_context(command: list[str], account: Account) -> None:
    told = account.cdk(command[0], "--help").text
    for option in (word for word in command if word.startswith("--")):
        assert option in told

    given = dict(word.split("=", 1) for word in command if "=" in word)

    assert set(given) <= {field.encode_name for field in msgspec.structs.fields(Options)}
    assert read_options(given.get).stage.name == given.get("environment", "dev")


@pytest.mark.parametrize("command", AWS, ids=" ".join)
def test_aws_has_the_operation_with_these_parameters(command: list[str]) -> None:
    service, operation, *rest = command
    model = botocore.session.get_session().get_service_model(service)
    name = "".join(part.title() for part in operation.split("-"))
    shape = model.operation_model(name).input_shape
    assert shape is not None

    for option in (word[2:] for word in rest if word.startswith("--") and word != "--query"):
        member = "".join(part.title() for part in option.split("-"))
        assert member in shape.members

    for stack in (
        word for word in rest if word.startswith("user-services-") and "-stack" in command[1]
    ):
        assert stack in {stack_name(e, part) for e in ("dev", "prod") for part in PARTS}


def test_the_stack_policy_is_where_the_command_finds_it() -> None:
    policy = json.loads((ROOT / "infra/cdk/stack-policy.json").read_text())

    assert any("file://stack-policy.json" in command for command in AWS)
    assert [statement["Effect"] for statement in policy["Statement"]] == ["Allow", "Deny"]


def test_the_example_of_ones_own_kafka_is_one(tmp_path: Path) -> None:
    (example,) = (block for kind, block in BLOCKS if kind == "json")
    path = tmp_path / "own.json"
    path.write_text(example)

    assert read_self_managed(path).kafka_sasl_mechanism == "SCRAM-SHA-512"


def test_every_option_is_in_the_table() -> None:
    for field in msgspec.structs.fields(Options):
        assert f"`{field.encode_name}`" in DOCUMENT
