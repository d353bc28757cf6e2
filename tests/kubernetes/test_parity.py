"""What a container is told is what its program reads; names, ports and times are the code's."""

from __future__ import annotations

import re
from importlib.util import find_spec

import httpx
import msgspec
import pytest

from gateway import server
from gateway.routes import health
from gateway.settings import Settings as GatewaySettings
from lambda_esm.model.mapping import Mapping
from lambda_esm.observe.http import HttpServer
from lambda_esm.options import parse
from lambda_esm.template.selection import read_mappings
from local import ports
from local.project import ROOT
from notification.settings import Settings as NotificationSettings
from shared.config.settings import KafkaSettings, LogSettings, load
from shared.contract.topics import GATEWAY_REPLY, TOPICS
from tests.kubernetes.kustomize import OVERLAYS, Object, container_of, pod_of, render
from user.operations.migrate import Settings as MigrateSettings
from user.settings import Settings as UserSettings

# What each container's program reads: a worker is the event source mapping, and its function.
SETTINGS: dict[str, tuple[type[LogSettings], ...]] = {
    "gateway": (GatewaySettings,),
    "user-service": (KafkaSettings, UserSettings),
    "notification-service": (KafkaSettings, NotificationSettings),
    "topics": (KafkaSettings,),
    "migrate": (MigrateSettings,),
}
WORKERS = ("user-service", "notification-service")
PARTITIONS = {topic.name: topic.partitions for topic in TOPICS}
DOCKERFILE = (ROOT / "local" / "Dockerfile").read_text()
ALL = pytest.mark.parametrize("overlay", OVERLAYS)
# Longest that a proxy keeps an idle connection for its next request: Traefik's idleConnTimeout
# (90 s); ingress-nginx's upstream-keepalive-timeout and an AWS load balancer's are 60 s.
PROXY_KEEPS_S = 90


def workload(overlay: str, name: str) -> Object:
    (found,) = (
        each
        for each in render(overlay).workloads("api", "worker", "setup")
        if each["metadata"]["name"] == name
    )
    return found


def mappings(overlay: str, name: str) -> list[Mapping]:
    """The event source mappings that a worker runs."""
    arguments = render(overlay).arguments(container_of(workload(overlay, name)))
    return read_mappings(parse(arguments[2:]))


@ALL
@pytest.mark.parametrize("name", SETTINGS)
def test_a_container_is_told_what_it_reads_and_nothing_else(overlay: str, name: str) -> None:
    told = render(overlay).variables(container_of(workload(overlay, name)))
    read = {f.encode_name for kind in SETTINGS[name] for f in msgspec.structs.fields(kind)}

    assert set(told) <= read
    for kind in SETTINGS[name]:
        assert load(kind, told).log_level == "INFO"
        assert load(kind, told).metrics_namespace == ""


@ALL
def test_gateway_and_user_service_agree_on_how_people_sign_up(overlay: str) -> None:
    sources = [container_of(workload(overlay, each))["envFrom"] for each in ("gateway", WORKERS[0])]
    accounts = [
        {each["configMapRef"]["name"] for each in source if "configMapRef" in each}
        for source in sources
    ]
    shared = accounts[0] & accounts[1]

    assert any(name.startswith("accounts-") for name in shared)


@ALL
@pytest.mark.parametrize("name", SETTINGS)
def test_it_is_started_as_the_image_starts(overlay: str, name: str) -> None:
    each = workload(overlay, name)
    container, pod = container_of(each), pod_of(each)
    target = container["image"].rpartition("/")[2].partition(":")[0]

    assert target == ("gateway" if name == "gateway" else "worker")
    assert f" AS {target}\n" in DOCKERFILE
    assert (
        f"USER {pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}"
        in DOCKERFILE
    )
    assert "command" not in container
    for module in container.get("args", [])[:1]:
        assert find_spec(module) is not None


@ALL
def test_ports_are_those_that_programs_listen_on(overlay: str) -> None:
    image = re.search(r"ENV HOST=0.0.0.0 PORT=(\d+)", DOCKERFILE)
    assert image
    (gateway,) = container_of(workload(overlay, "gateway"))["ports"]
    assert gateway["containerPort"] == int(image[1])
    (exposed,) = render(overlay).get("Service", "gateway")["spec"]["ports"]
    assert exposed["targetPort"] == gateway["name"]
    for name in WORKERS:
        container = container_of(workload(overlay, name))
        options = parse(render(overlay).arguments(container)[2:])
        assert options.http == f"0.0.0.0:{container['ports'][0]['containerPort']}"


def probes(container: Object) -> dict[str, str]:
    """The path of each probe; all of them ask the container's own port."""
    (port,) = container["ports"]
    kinds = ("startupProbe", "livenessProbe", "readinessProbe")
    assert {container[kind]["httpGet"]["port"] for kind in kinds} == {port["name"]}
    return {kind: container[kind]["httpGet"]["path"] for kind in kinds}


@ALL
def test_probes_ask_what_is_there(overlay: str) -> None:
    gateway = probes(container_of(workload(overlay, "gateway")))
    routes = {getattr(route, "path", "") for route in health.router.routes}
    assert set(gateway.values()) == {"/health/live", "/health/ready"} <= routes
    assert gateway["readinessProbe"] == "/health/ready"

    port = ports.any_free()
    metrics = HttpServer(f"127.0.0.1:{port}", bytes, lambda: {"healthy": True, "alive": True})
    for name in WORKERS:
        worker = probes(container_of(workload(overlay, name)))
        assert (worker["livenessProbe"], worker["readinessProbe"]) == ("/livez", "/healthz")
        for path in worker.values():
            assert httpx.get(f"http://127.0.0.1:{port}{path}").status_code == 200
    metrics.close()


def settings(overlay: str) -> GatewaySettings:
    return load(
        GatewaySettings, render(overlay).variables(container_of(workload(overlay, "gateway")))
    )


@ALL
def test_a_pod_has_the_time_to_end_what_it_is_at(overlay: str) -> None:
    gateway = pod_of(workload(overlay, "gateway"))
    sleep_s = container_of(workload(overlay, "gateway"))["lifecycle"]["preStop"]["sleep"]["seconds"]
    answer_s = settings(overlay).reply_timeout_ms / 1000

    assert answer_s < server.SHUTDOWN_S
    assert gateway["terminationGracePeriodSeconds"] > sleep_s + server.SHUTDOWN_S + 5
    for name in WORKERS:
        grace_s = pod_of(workload(overlay, name))["terminationGracePeriodSeconds"]
        assert grace_s > max(each.function.timeout_s for each in mappings(overlay, name)) + 10


def test_an_idle_connection_is_ended_by_the_proxy_and_not_under_it() -> None:
    assert server.KEEP_ALIVE_S > PROXY_KEEPS_S


@ALL
@pytest.mark.parametrize("name", WORKERS)
def test_every_mapping_has_its_worker(overlay: str, name: str) -> None:
    of_all = read_mappings(parse(["--bootstrap-servers=kafka:9092"]))
    ours = [each.topic for each in mappings(overlay, name)]
    other = [each.topic for each in mappings(overlay, *(set(WORKERS) - {name}))]

    assert sorted(ours + other) == sorted(each.topic for each in of_all)
    assert set(ours) <= set(PARTITIONS)


def test_gateways_are_no_more_than_the_reply_topic_has_partitions() -> None:
    scaler = render("prod").get("HorizontalPodAutoscaler", "gateway")["spec"]
    surge = workload("prod", "gateway")["spec"]["strategy"]["rollingUpdate"]["maxSurge"]

    assert scaler["maxReplicas"] + surge <= PARTITIONS[GATEWAY_REPLY]


@pytest.mark.parametrize("name", WORKERS)
def test_workers_are_scaled_by_what_waits_for_them(name: str) -> None:
    scaler = render("prod").get("ScaledObject", name)["spec"]
    watched = [
        (each["metadata"]["topic"], each["metadata"]["consumerGroup"])
        for each in scaler["triggers"]
    ]

    assert sorted(watched) == sorted((m.topic, m.group_id) for m in mappings("prod", name))
    assert scaler["maxReplicaCount"] == max(PARTITIONS[topic] for topic, _ in watched)


def test_a_scaler_signs_in_to_kafka_as_the_workers_do() -> None:
    told = load(KafkaSettings, render("prod").variables(container_of(workload("prod", "topics"))))
    assert (told.kafka_security_protocol, told.kafka_sasl_mechanism) == (
        "SASL_SSL",
        "SCRAM-SHA-512",
    )
    for scaler in render("prod").of("ScaledObject"):
        for trigger in scaler["spec"]["triggers"]:
            assert (trigger["metadata"]["tls"], trigger["metadata"]["sasl"]) == (
                "enable",
                "scram_sha512",
            )
            assert trigger["metadata"]["bootstrapServersFromEnv"] == "KAFKA_BOOTSTRAP_SERVERS"
            authentication = render("prod").get(
                "TriggerAuthentication", trigger["authenticationRef"]["name"]
            )
            held = render("prod").get("Secret", "kafka-credentials")["stringData"]
            for target in authentication["spec"]["secretTargetRef"]:
                assert target["key"] in held
