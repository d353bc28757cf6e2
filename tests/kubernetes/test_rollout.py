"""What holds for the pods: a rollout loses nothing, and setting up twice changes nothing."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.kubernetes.cluster import Cluster
from tests.kubernetes.load import Load
from tests.services import eventually

DEPLOYMENTS = ("gateway", "user-service", "notification-service")
_PEOPLE = 3


def rows(cluster: Cluster) -> Counter[object]:
    with cluster.database() as connection:
        return Counter(row[0] for row in connection.execute("SELECT email FROM users").fetchall())


def mails(cluster: Cluster) -> Counter[object]:
    """How many mails each address has got."""
    return Counter(to["Address"] for mail in cluster.inbox.messages() for to in mail["To"])


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_rollout_under_load_loses_nothing(cluster: Cluster, name: str) -> None:
    cluster.inbox.clear()
    before = {pod.name for pod in cluster.pods(name)}
    with Load(cluster.url, _PEOPLE) as load:
        load.wait_answered(20)
        cluster.restart(name)
        load.wait_answered(20)

    assert not before & {pod.name for pod in cluster.pods(name)}
    assert len(cluster.pods(name)) == len(before)
    assert load.lost == []
    assert cluster.ingress.failures == []
    assert cluster.faults == []
    once = Counter(load.registered)
    assert eventually(lambda: set(mails(cluster)) >= set(once))
    assert {who: count for who, count in mails(cluster).items() if who in once} == once
    assert {who: count for who, count in rows(cluster).items() if who in once} == once


def test_setting_up_again_changes_nothing(cluster: Cluster) -> None:
    before = rows(cluster)
    cluster.set_up()

    assert rows(cluster) == before


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_container_is_nobody_on_a_file_system_that_cannot_be_written(
    cluster: Cluster, name: str
) -> None:
    (one, *_) = cluster.pods(name)

    assert one.run("id", "-u").strip() == "10001"
    with pytest.raises(RuntimeError, match="Read-only file system"):
        one.run("touch", "/app/x")
