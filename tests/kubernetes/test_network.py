"""NetworkPolicies let through what the system needs, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.kubernetes.kustomize import OVERLAYS, Manifests, Object, container_of, labels_of, render

NEEDED = {
    "gateway": {"kafka", "redis"},
    "user-service": {"kafka", "postgres"},
    "notification-service": {"kafka", "redis", "mail"},
    "topics": {"kafka"},
    "migrate": {"postgres"},
}
STAND_INS = {"kafka": "kafka", "postgres": "postgres", "redis": "redis", "mail": "inbox"}
ALL = pytest.mark.parametrize("overlay", OVERLAYS)


class Rule(NamedTuple):
    """One thing that a policy lets through; ``peers`` None is everybody."""

    policy: str
    peers: list[Object] | None
    ports: list[Any]


def rules(manifests: Manifests, labels: dict[str, str], direction: str) -> Iterator[Rule]:
    """What is let through for pods with these labels, in or out."""
    for policy in manifests.of("NetworkPolicy"):
        spec = policy["spec"]
        if selects(spec["podSelector"], labels) and direction.title() in spec["policyTypes"]:
            for rule in spec.get(direction, ()):
                peers = rule.get("to" if direction == "egress" else "from")
                yield Rule(policy["metadata"]["name"], peers, [p["port"] for p in rule["ports"]])


def selects(selector: Object, labels: dict[str, str]) -> bool:
    wanted = selector.get("matchLabels", {}).items()
    listed = selector.get("matchExpressions", ())
    assert all(each["operator"] == "In" for each in listed)
    return wanted <= labels.items() and all(
        labels.get(each["key"]) in each["values"] for each in listed
    )


def pods(manifests: Manifests) -> dict[str, dict[str, str]]:
    """The labels of what runs, by name."""
    return {
        each["metadata"]["name"]: labels_of(each)
        for each in manifests.workloads("api", "worker", "setup", "stand-in")
    }


@ALL
def test_nothing_is_let_through_that_is_not_named(overlay: str) -> None:
    deny = render(overlay).get("NetworkPolicy", "default-deny")["spec"]

    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


@ALL
@pytest.mark.parametrize("name", NEEDED)
def test_a_pod_reaches_what_it_needs(overlay: str, name: str) -> None:
    manifests = render(overlay)
    out = {rule.policy for rule in rules(manifests, pods(manifests)[name], "egress")}

    assert out == {"to-dns"} | {f"to-{each}" for each in NEEDED[name]}


@ALL
def test_what_is_reached_is_named_by_address_or_label(overlay: str) -> None:
    manifests = render(overlay)
    for name in NEEDED:
        for rule in rules(manifests, pods(manifests)[name], "egress"):
            assert rule.peers, rule.policy


@ALL
def test_only_the_ingress_controller_and_monitoring_come_in(overlay: str) -> None:
    manifests = render(overlay)
    come = {name: list(rules(manifests, pods(manifests)[name], "ingress")) for name in NEEDED}

    assert {name: [rule.policy for rule in found] for name, found in come.items()} == {
        "gateway": ["gateway-from-ingress"],
        "user-service": ["metrics-from-monitoring"],
        "notification-service": ["metrics-from-monitoring"],
        "topics": [],
        "migrate": [],
    }
    assert all(rule.ports == ["http"] for found in come.values() for rule in found)


@ALL
def test_kafka_is_let_through_where_the_configuration_says_it_is(overlay: str) -> None:
    manifests = render(overlay)
    topics = manifests.get("Job", "topics")
    servers = manifests.variables(container_of(topics))["KAFKA_BOOTSTRAP_SERVERS"].split(",")
    (rule,) = (
        rule for rule in rules(manifests, labels_of(topics), "egress") if rule.policy == "to-kafka"
    )

    assert {int(each.rpartition(":")[2]) for each in servers} == set(rule.ports)


@pytest.mark.parametrize("name", NEEDED)
def test_stand_ins_let_in_who_comes_to_them(name: str) -> None:
    manifests = render("dev")
    known = pods(manifests)
    for needed in NEEDED[name]:
        stand_in = STAND_INS[needed]
        let_in = [
            peer["podSelector"]
            for rule in rules(manifests, known[stand_in], "ingress")
            for peer in rule.peers or ()
        ]
        assert any(selects(selector, known[name]) for selector in let_in), stand_in
