"""The overlay dev on Docker: what a cluster's controllers do with it, as far as tests need it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from functools import cached_property
from threading import Thread
from typing import Final

import httpx
import psycopg

from tests.compose.containers import provide_kafka
from tests.containers import docker
from tests.kubernetes.ingress import Ingress
from tests.kubernetes.kustomize import Manifests, container_of
from tests.kubernetes.pod import Pod
from tests.services import Inbox, client_of, eventually

NETWORK: Final = "user-services-pods"
# Within the addresses of which the gateway believes X-Forwarded-For.
_SUBNET: Final = "10.213.77.0/24"
_START_S: Final = 120.0
# How long ingress controllers go on sending to a pod that leaves.
_UNAWARE_S: Final = 3.0
_DEPLOYMENTS: Final = {
    "gateway": "gateway",
    "user": "user-service",
    "notification": "notification-service",
}


class Cluster:
    """Pods of all Deployments, with the surface of :class:`tests.services.System`.

    Attributes:
        ingress: what stands in for an ingress controller.
        url: where it listens.
    """

    def __init__(self, manifests: Manifests) -> None:
        self._manifests = manifests
        self._pods: dict[str, list[Pod]] = {}
        self._all: list[Pod] = []
        self._ended: dict[str, list[str]] = {}
        self.ingress = Ingress(self._endpoints)
        self.url = self.ingress.url
        self._stack = ExitStack()

    def apply(self) -> None:
        """What ``make k8s-apply`` does: first the stand-ins and Jobs, then the services."""
        _forget_what_is_left()
        docker("network", "create", "--subnet", _SUBNET, NETWORK)
        self._stack.callback(_forget_what_is_left)
        self._stack.callback(self._stop_watching)
        provide_kafka(container_of(self._manifests.get("Deployment", "kafka"))["image"])
        for each in self._manifests.workloads("stand-in"):
            self._start(each["metadata"]["name"], as_image_says=True)
        self._wait_ready()
        self.set_up()
        for name in _DEPLOYMENTS.values():
            for _ in range(self._manifests.get("Deployment", name)["spec"]["replicas"]):
                self._start(name)
        self._wait_ready()
        self._stack.enter_context(self.ingress)

    def set_up(self) -> None:
        """Run every Job to its end."""
        for job in self._manifests.workloads("setup"):
            pod = Pod(job, self._manifests, NETWORK)
            self._all.append(pod)
            assert pod.wait() == 0, "\n".join(pod.output())

    def restart(self, name: str) -> None:
        """``kubectl rollout restart``, as ``maxSurge`` and ``maxUnavailable`` have it."""
        strategy = self._manifests.get("Deployment", name)["spec"]["strategy"]["rollingUpdate"]
        assert strategy == {"maxSurge": 1, "maxUnavailable": 0}
        leaving = []
        for old in list(self._pods[name]):
            self._start(name)
            self._wait_ready()
            leaving.append(Thread(target=self._end, args=(name, old), name=f"stop-{old.name}"))
            leaving[-1].start()
        for each in leaving:
            each.join()

    def pods(self, name: str) -> list[Pod]:
        """The pods that a Deployment has now."""
        return list(self._pods[name])

    @property
    def faults(self) -> list[str]:
        """What a kubelet would have had to do something about."""
        return [f"{each.name}: {fault}" for each in self._all for fault in each.faults]

    @cached_property
    def inbox(self) -> Inbox:
        """Where its mails arrive."""
        inbox = Inbox(self._pods["inbox"][0].url("http"), "")
        self._stack.callback(inbox.close)
        return inbox

    def client(self) -> httpx.Client:
        """An HTTP client with an address of its own, so that no other's requests count for it."""
        return client_of(self.url)

    @property
    def output(self) -> Mapping[str, list[str]]:
        """Every line that a program has written, by the name it has without containers, too."""
        return {
            short: [*self._ended.get(name, ()), *(x for p in self._pods[name] for x in p.output())]
            for short, name in _DEPLOYMENTS.items()
        }

    def database(self) -> psycopg.Connection[tuple[object, ...]]:
        """A connection to its PostgreSQL."""
        address = self._pods["postgres"][0].address
        return psycopg.connect(f"postgresql://app:app@{address}:5432/app")

    def close(self) -> None:
        """End everything and forget the data."""
        self._stack.close()

    def _stop_watching(self) -> None:
        for each in self._all:
            each.stop_watching()

    def _start(self, name: str, *, as_image_says: bool = False) -> None:
        pod = Pod(
            self._manifests.get("Deployment", name), self._manifests, NETWORK,
            as_image_says=as_image_says,
        )  # fmt: skip
        self._all.append(pod)
        self._pods.setdefault(name, []).append(pod)
        pod.watch()

    def _wait_ready(self) -> None:
        eventually(self._are_ready, _START_S, every=0.2)

    def _are_ready(self) -> bool:
        if self.faults:
            raise RuntimeError(f"{self.faults}\n" + "\n".join(self._all[-1].output()[-40:]))
        staying = [p for pods in self._pods.values() for p in pods if p.leaves_at is None]
        return all(each.ready for each in staying)

    def _end(self, name: str, pod: Pod) -> None:
        pod.stop()
        self._ended.setdefault(name, []).extend(pod.output())
        self._pods[name].remove(pod)

    def _endpoints(self) -> list[str]:
        """The gateways that an ingress controller knows: it hears a little late who leaves."""
        now = time.monotonic()
        return [
            each.url("http")
            for each in list(self._pods["gateway"])
            if each.ready and (each.leaves_at is None or now < each.leaves_at + _UNAWARE_S)
        ]


def _forget_what_is_left() -> None:
    """Take away the network and all containers on it, those of a run that was killed, too."""
    if docker("network", "ls", "--quiet", f"--filter=name=^{NETWORK}$"):
        for id_ in docker("ps", "--all", "--quiet", f"--filter=network={NETWORK}").split():
            docker("rm", "--force", "--volumes", id_)
        docker("network", "rm", NETWORK)
