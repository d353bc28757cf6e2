"""The manifests are looked at everywhere; ``make test-k8s`` runs them, which takes minutes."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from local.project import ROOT
from tests.containers import docker, needs_docker
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.kustomize import container_of, render
from tests.kubernetes.remote import Remote
from tests.services import Inbox

pytest.register_assert_rewrite("tests.e2e.test_accounts")


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The overlay dev, ready, in containers."""
    _skip_unless_asked_for()
    manifests = render("dev")
    for name in ("gateway", "user-service"):
        _build(container_of(manifests.get("Deployment", name))["image"])
    cluster = Cluster(manifests)
    try:
        cluster.apply()
        yield cluster
    finally:
        cluster.close()


@pytest.fixture(scope="session")
def system(request: pytest.FixtureRequest) -> Iterator[Cluster | Remote]:
    """What the end-to-end tests ask for: on Docker, or on a real cluster (``make k8s-test``)."""
    if os.environ.get("KUBERNETES") != "remote":
        yield request.getfixturevalue("cluster")
        return
    remote = Remote()
    yield remote
    remote.close()


@pytest.fixture(scope="session")
def inbox(system: Cluster | Remote) -> Inbox:
    """Where its mails arrive."""
    return system.inbox


def _build(image: str) -> None:
    """Build one of our images; it is named after its target."""
    target = image.rpartition("/")[2].partition(":")[0]
    file = ROOT / "local" / "Dockerfile"
    docker("build", "--quiet", f"--file={file}", f"--target={target}", f"--tag={image}", str(ROOT))


def _skip_unless_asked_for() -> None:
    if "KUBERNETES" not in os.environ:
        pytest.skip("takes minutes: make test-k8s")
    needs_docker()
