"""The secrets of a first try, and those that a store has to hold: each service is given its own."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from infra.kubernetes import secrets
from tests.kubernetes.kustomize import FOLDER, objects_of

PRIVATE = {
    "gateway": {"JWT_SIGNING_KEYS"},
    "user-service": {"USER_PRIVATE_KEYS", "DATABASE_URL"},
    "notification-service": {"NOTIFICATION_PRIVATE_KEYS"},
    "migrate": {"DATABASE_URL"},
}


def first_try(folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, str]]:
    secrets.main(["--keys", str(folder / "keys.json")])
    made = list(yaml.safe_load_all(capsys.readouterr().out))
    assert {each["metadata"]["namespace"] for each in made} == {"microservices"}
    return {each["metadata"]["name"]: each["stringData"] for each in made}


def test_each_service_has_its_own_private_keys(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = first_try(tmp_path, capsys)
    everything = set().union(*PRIVATE.values())

    assert {name: set(held) & everything for name, held in made.items()} == PRIVATE


def test_keys_stay_the_same_when_it_is_repeated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert first_try(tmp_path, capsys) == first_try(tmp_path, capsys)


def test_a_store_holds_what_the_first_try_has(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    external = {
        each["spec"]["target"]["name"]: {one["secretKey"] for one in each["spec"]["data"]}
        for each in objects_of(FOLDER / "overlays" / "prod")
        if each["kind"] == "ExternalSecret"
    }
    assert external.pop("kafka-credentials") == {"KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"}

    assert external == {name: set(held) for name, held in first_try(tmp_path, capsys).items()}
