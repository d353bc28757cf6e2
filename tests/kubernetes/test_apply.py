"""``make k8s-apply`` with the real kubectl: setup has ended well before new code is applied."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from local.project import ROOT
from tests.kubernetes.api_server import ApiServer, Asked
from tests.kubernetes.kustomize import FOLDER, OVERLAYS, objects_of

JOBS = {"topics", "migrate"}
SERVICES = {"gateway", "user-service", "notification-service"}


def apply(server: ApiServer, overlay: str, folder: Path, wait: str = "10m") -> int:
    """Run the target; returns make's exit status."""
    if shutil.which("kubectl") is None:
        pytest.skip("needs kubectl")
    env = {**os.environ, "KUBECONFIG": str(server.configuration(folder)), "HOME": str(folder)}
    make = ["make", "--silent", "k8s-apply", f"OVERLAY={overlay}", f"WAIT={wait}"]
    return subprocess.run(make, cwd=ROOT, env=env, capture_output=True).returncode


def places(asked: list[Asked], method: str, kind: str, names: Iterable[str]) -> list[int]:
    """When each was asked for."""
    return [asked.index(Asked(method, kind, name)) for name in names]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_jobs_come_first_and_everything_comes(overlay: str, tmp_path: Path) -> None:
    objects = objects_of(FOLDER / "overlays" / overlay)
    with ApiServer(objects) as server:
        assert apply(server, overlay, tmp_path) == 0

    made = {(each.kind, each.name) for each in server.asked if each.method == "POST"}
    assert made == {(each["kind"], each["metadata"]["name"]) for each in objects}
    jobs = places(server.asked, "POST", "Job", JOBS)
    assert max(jobs) < min(places(server.asked, "POST", "Deployment", SERVICES))


def test_jobs_are_made_anew_at_each_time(tmp_path: Path) -> None:
    with ApiServer(objects_of(FOLDER / "overlays" / "prod")) as server:
        assert apply(server, "prod", tmp_path) == 0
        server.asked.clear()
        assert apply(server, "prod", tmp_path) == 0

    deleted = places(server.asked, "DELETE", "Job", JOBS)
    assert max(deleted) < min(places(server.asked, "POST", "Job", JOBS))


def test_without_setup_the_old_code_stays(tmp_path: Path) -> None:
    with ApiServer(objects_of(FOLDER / "overlays" / "prod"), jobs_fail=True) as server:
        assert apply(server, "prod", tmp_path, wait="1s") != 0

    assert not {each.name for each in server.asked if each.kind == "Deployment"}
