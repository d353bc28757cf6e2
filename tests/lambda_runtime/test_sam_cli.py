"""What SAM users type by habit, and what its linter says of the template."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.build import TARGETS
from local.project import ROOT

SAM = ROOT / ".venv-sam" / "bin" / "sam"


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "us-east-1"}
    return subprocess.run(arguments, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def sam() -> Path:
    if not SAM.exists():
        pytest.skip("the SAM CLI is not installed: make setup-lambda")
    return SAM


def test_the_template_is_clean_to_cfn_lint() -> None:
    linted = run(Path(sys.executable).with_name("cfn-lint"), "template.yaml")
    assert linted.returncode == 0, linted.stdout


def test_the_template_is_valid_to_sam(sam: Path) -> None:
    validated = run(sam, "validate", "--lint")
    assert validated.returncode == 0, validated.stdout + validated.stderr


def test_every_ignored_rule_has_its_reason_beside_it() -> None:
    lines = (ROOT / "template.yaml").read_text().splitlines()
    for number, line in enumerate(lines):
        if "ignore_checks:" in line:
            assert "#" in line or "#" in lines[number + 1], f"line {number + 1}"


def test_sam_build_makes_the_folders_that_make_build_makes(
    sam: Path, dist: Path, tmp_path: Path
) -> None:
    built = run(sam, "build", "--build-dir", tmp_path)
    assert built.returncode == 0, built.stderr
    for logical_id, target in TARGETS.items():
        assert files(tmp_path / logical_id) == files(dist / target.folder), logical_id
    assert files(tmp_path / "MigrationFunction") == files(dist / "user")


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
