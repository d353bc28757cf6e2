"""The manifests are valid in three versions of Kubernetes, and keep to what is known to be good."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.kubernetes.kustomize import (
    FOLDER,
    OVERLAYS,
    Object,
    container_of,
    objects_of,
    pod_of,
    render,
    tool,
)

VERSIONS = ("1.35", "1.36", "1.37")
NAMESPACE = "microservices"
# Of operators whose schemas are their own.
FOREIGN = {"ExternalSecret", "ScaledObject", "TriggerAuthentication"}
# The tag of a release is never written again, and a registry that is away stops no pod.
NOT_FOLLOWED = ("container-image-pull-policy",)
ALL = pytest.mark.parametrize("overlay", OVERLAYS)


def workloads(overlay: str) -> list[Object]:
    return list(render(overlay).workloads("api", "worker", "setup"))


@ALL
@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_is_what_kubernetes_knows(overlay: str, version: str) -> None:
    validate = pytest.importorskip("kubernetes_validate", reason="make test-k8s installs it")
    for each in objects_of(FOLDER / "overlays" / overlay):
        if each["kind"] not in FOREIGN:
            assert validate.validate(each, version, strict=True) == version


@ALL
def test_policies_of_good_manifests_are_kept(overlay: str, tmp_path: Path) -> None:
    score = tool("kube-score")
    if score is None:
        pytest.skip("needs kube-score: make test-k8s")
    ours = [each for each in objects_of(FOLDER / "overlays" / overlay) if not is_stand_in(each)]
    file = tmp_path / "manifests.yaml"
    file.write_text(yaml.safe_dump_all(ours))
    ignored = [f"--ignore-test={each}" for each in NOT_FOLLOWED]

    done = subprocess.run([score, "score", *ignored, str(file)], capture_output=True, text=True)

    assert done.returncode == 0, done.stdout
    assert "[CRITICAL]" not in done.stdout


def is_stand_in(each: Object) -> bool:
    """What is there for a first try only; nobody shall run it for longer."""
    labels = each["metadata"].get("labels", {})
    return bool(labels.get("app.kubernetes.io/component") == "stand-in")


@ALL
def test_everything_is_in_one_namespace(overlay: str) -> None:
    objects = objects_of(FOLDER / "overlays" / overlay)
    (namespace,) = (each for each in objects if each["kind"] == "Namespace")

    assert namespace["metadata"]["name"] == NAMESPACE
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for each in objects:
        if each is not namespace:
            assert each["metadata"]["namespace"] == NAMESPACE, each["metadata"]["name"]


@ALL
def test_the_services_are_those_of_the_system(overlay: str) -> None:
    names = {each["metadata"]["name"] for each in workloads(overlay)}

    assert names == {"gateway", "user-service", "notification-service", "topics", "migrate"}


@ALL
def test_a_container_may_do_nothing_special(overlay: str) -> None:
    for each in workloads(overlay):
        pod, container = pod_of(each), container_of(each)
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        assert pod["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "runAsGroup": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"cpu", "memory"} <= set(container["resources"]["requests"])
        assert {"cpu", "memory"} <= set(container["resources"]["limits"])


@ALL
def test_the_namespace_lets_every_pod_in(overlay: str) -> None:
    # Pod Security Standards, "Restricted": what the namespace enforces.
    for each in render(overlay).workloads("api", "worker", "setup", "stand-in"):
        pod, own = pod_of(each), container_of(each)["securityContext"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert own["allowPrivilegeEscalation"] is False
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert all("emptyDir" in volume for volume in pod.get("volumes", ()))


@ALL
def test_no_secret_is_written_down(overlay: str) -> None:
    assert not [
        each for each in objects_of(FOLDER / "overlays" / overlay) if each["kind"] == "Secret"
    ]


@ALL
def test_two_of_each_and_one_stays_while_nodes_are_emptied(overlay: str) -> None:
    manifests = render(overlay)
    for name in ("gateway", "user-service", "notification-service"):
        deployment = manifests.get("Deployment", name)
        budget = manifests.get("PodDisruptionBudget", name)["spec"]
        assert replicas(overlay, deployment) == 2
        assert deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
        assert budget["maxUnavailable"] == 1
        assert budget["selector"] == deployment["spec"]["selector"]
        spread = pod_of(deployment)["topologySpreadConstraints"]
        assert {each["topologyKey"] for each in spread} == {
            "kubernetes.io/hostname",
            "topology.kubernetes.io/zone",
        }


def replicas(overlay: str, deployment: Object) -> int:
    """As many as it begins with; whoever scales it decides, and then the manifest does not."""
    name = deployment["metadata"]["name"]
    manifests = render(overlay)
    for each in (*manifests.of("HorizontalPodAutoscaler"), *manifests.of("ScaledObject")):
        if each["spec"]["scaleTargetRef"]["name"] == name:
            assert "replicas" not in deployment["spec"]
            return int(each["spec"].get("minReplicas") or each["spec"]["minReplicaCount"])
    return int(deployment["spec"]["replicas"])


@ALL
def test_the_api_is_reached_by_its_name_over_tls(overlay: str) -> None:
    ingress = render(overlay).get("Ingress", "gateway")
    spec = ingress["spec"]

    assert [each["host"] for each in spec["rules"]] == ["api.example.com"]
    assert [each["hosts"] for each in spec["tls"]] == [["api.example.com"]]
    assert ingress["metadata"]["annotations"]["cert-manager.io/cluster-issuer"]
    (path,) = spec["rules"][0]["http"]["paths"]
    service = render(overlay).get("Service", path["backend"]["service"]["name"])
    assert path["backend"]["service"]["port"]["name"] in {
        each["name"] for each in service["spec"]["ports"]
    }
