"""cfn-lint finds no error in any template; cdk-nag's findings are explained or there are none."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from cfnlint.api import lint
from cfnlint.match import Match

from infra.cdk.findings import EXPLAINED
from tests.infra.synthesis import Assembly, dev, on_own_kafka, prod

ALL = pytest.mark.parametrize("made", [dev, prod, on_own_kafka], ids=lambda made: made.__name__)
NOT_KNOWN_TO_THE_LINTER = {
    "E1019",  # SAM resolves ${Function.Alias}
}
NEVER_USED = {
    # Of a kind of Kafka that is not bound, a value is empty; its branch is never taken.
    "E3033",
    "E3510",
}


def _expected(match: Match) -> bool:
    empty = match.rule.id in NEVER_USED and "''" in str(match)
    return empty or match.rule.id in NOT_KNOWN_TO_THE_LINTER


@ALL
def test_the_linter_finds_no_error(made: Callable[[], Assembly]) -> None:
    for part, template in made().templates.items():
        found = lint(json.dumps(template), regions=["eu-central-1"])
        errors = [match for match in found if match.rule.id.startswith("E")]
        assert [str(match) for match in errors if not _expected(match)] == [], part


@ALL
def test_the_validation_report_has_no_unexplained_finding(made: Callable[[], Assembly]) -> None:
    path = made().folder / "validation-report.json"

    report = json.loads(path.read_text()) if path.exists() else {}

    assert [each for each in report.get("pluginReports", []) if each.get("violations")] == []


def test_every_explanation_is_a_sentence() -> None:
    for where, rule, reason in EXPLAINED:
        assert len(reason.split()) > 5, (where, rule)
        assert reason.endswith("."), (where, rule)
