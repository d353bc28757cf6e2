"""The settings are those of the functions, and the package imports none of them to get there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from lambda_esm import settings
from shared.config import settings as functions_settings

OURS = {"gateway", "user", "notification", "shared", "local"}


@pytest.mark.parametrize(
    "field", msgspec.structs.fields(settings.KafkaSettings), ids=lambda f: f.name
)
def test_a_variable_of_kafka_means_the_same_to_a_function(
    field: msgspec.structs.FieldInfo,
) -> None:
    """``make dev`` and the images give the same variables to both."""
    fields = {f.name: f for f in msgspec.structs.fields(functions_settings.KafkaSettings)}

    same = fields[field.name]
    assert (same.encode_name, same.type, same.default, same.required) == (
        field.encode_name,
        field.type,
        field.default,
        field.required,
    )


def test_a_variable_of_logs_takes_the_same_values() -> None:
    theirs = {f.name: f.type for f in msgspec.structs.fields(functions_settings.LogSettings)}

    for field in msgspec.structs.fields(settings.LogSettings):
        assert theirs[field.name] == field.type


def test_the_command_imports_nothing_of_ours_and_no_boto3(tmp_path: Path) -> None:
    """boto3 takes longer to import than all the rest; only some mappings need it."""
    code = "import sys, lambda_esm.cli; print(*{name.partition('.')[0] for name in sys.modules})"

    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    imported = set(run.stdout.split())
    assert "lambda_esm" in imported
    assert not imported & (OURS | {"boto3", "botocore"})
