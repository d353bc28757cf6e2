"""A pod by Docker: its one container exactly as the manifest says, and a kubelet that asks it."""

from __future__ import annotations

import itertools
import json
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread
from typing import Final

import httpx

from tests.containers import docker
from tests.kubernetes.kustomize import Manifests, Object, container_of, labels_of, pod_of

_MEMORY: Final = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
# Kubernetes' defaults (reference of core/v1 Probe).
_PROBE: Final = {"periodSeconds": 10, "timeoutSeconds": 1, "failureThreshold": 3}
_KILLED: Final = 137
_numbers = itertools.count(1)


class Pod:
    """One pod of a Deployment or a Job.

    Args:
        workload: whose template it is made from.
        manifests: with the ConfigMaps and Secrets that it names.
        network: a Docker network; the pod has its Service's name there.
        as_image_says: run it as the image's user. Only for what stands in for an image that could
            not be fetched here.

    Attributes:
        name: of the container.
        ready: what its readiness probe has found.
        leaves_at: monotonic time since which it is to end; None while it is to stay.
        faults: what a kubelet would have restarted it for, or ended it by force.
    """

    def __init__(
        self, workload: Object, manifests: Manifests, network: str, *, as_image_says: bool = False
    ) -> None:
        self._spec, self._container = pod_of(workload), container_of(workload)
        self.name = f"{network}-{workload['metadata']['name']}-{next(_numbers)}"
        self.ready = False
        self.leaves_at: float | None = None
        self.faults: list[str] = []
        self._gone = Event()
        self._kubelet = Thread(target=self._watch, name=self.name, daemon=True)
        alias = labels_of(workload)["app.kubernetes.io/name"]
        docker(
            "run", "--detach", "--name", self.name, "--network", network,
            "--network-alias", alias, *self._restrictions(as_image_says), *self._volumes(),
            *(f"--env={k}={v}" for k, v in manifests.variables(self._container).items()),
            *self._command(manifests),
        )  # fmt: skip
        self.address = self._inspect("NetworkSettings")["Networks"][network]["IPAddress"]

    def watch(self) -> None:
        """Begin to ask its probes."""
        self._kubelet.start()

    def url(self, port: str) -> str:
        """Where one of its named ports is reached."""
        return f"http://{self.address}:{self._port(port)}"

    def wait(self) -> int:
        """Wait until it has ended; returns its exit status."""
        return int(docker("wait", self.name))

    def stop(self) -> None:
        """End it as a kubelet does: ``preStop``, SIGTERM, and SIGKILL when its time is over."""
        self.leaves_at = time.monotonic()
        sleep_s = self._container.get("lifecycle", {}).get("preStop", {}).get("sleep", {})
        Event().wait(sleep_s.get("seconds", 0))
        self._gone.set()
        left_s = self._spec["terminationGracePeriodSeconds"] - sleep_s.get("seconds", 0)
        docker("stop", "--time", str(left_s), self.name)
        if self._kubelet.is_alive():
            self._kubelet.join()
        if self._inspect("State")["ExitCode"] == _KILLED:
            self.faults.append("it had not ended when its time was over")

    def run(self, *command: str) -> str:
        """``kubectl exec``: run something in it; returns what that prints."""
        return docker("exec", self.name, *command)

    def output(self) -> list[str]:
        """Every line that it has written."""
        return docker("logs", self.name).splitlines()

    def stop_watching(self) -> None:
        """Ask its probes no more."""
        self._gone.set()

    def _restrictions(self, as_image_says: bool) -> list[str]:
        pod, own = self._spec["securityContext"], self._container["securityContext"]
        limits = self._container["resources"]["limits"]
        arguments = [f"--memory={memory(limits['memory'])}", f"--cpus={cpus(limits['cpu'])}"]
        if own["allowPrivilegeEscalation"] is False:
            arguments.append("--security-opt=no-new-privileges")
        if own.get("readOnlyRootFilesystem"):
            arguments.append("--read-only")
        if not as_image_says:
            arguments.append(f"--user={pod['runAsUser']}:{pod['runAsGroup']}")
            arguments += [f"--cap-drop={each}" for each in own["capabilities"]["drop"]]
        return arguments

    def _volumes(self) -> list[str]:
        """``emptyDir`` as a volume without a name; there is no other kind."""
        assert all("emptyDir" in each for each in self._spec.get("volumes", ()))
        return [f"--volume={each['mountPath']}" for each in self._container.get("volumeMounts", ())]

    def _command(self, manifests: Manifests) -> list[str]:
        """``command`` is an entry point, ``args`` its arguments; without them the image's."""
        first, *rest = self._container.get("command", [""])
        entry = [f"--entrypoint={first}"] if first else []
        return [*entry, self._container["image"], *rest, *manifests.arguments(self._container)]

    def _watch(self) -> None:
        """A kubelet's part: first the startup probe, then the two others side by side."""
        if not self._succeeds_in_time(self._container.get("startupProbe")):
            if not self._gone.is_set():
                self.faults.append("it did not start in time")
            return
        liveness = Thread(target=self._ask_liveness, name=f"{self.name}-liveness", daemon=True)
        liveness.start()
        self._ask("readinessProbe", self._set_ready)
        liveness.join()

    def _succeeds_in_time(self, probe: Object | None) -> bool:
        if probe is None:
            return True
        for _ in range(probe["failureThreshold"]):
            if self._succeeds(probe):
                return True
            if self._gone.wait(probe["periodSeconds"]):
                return False
        return False

    def _ask_liveness(self) -> None:
        if "livenessProbe" in self._container:
            self._ask("livenessProbe", self._note_life)

    def _note_life(self, alive: bool) -> None:
        if not alive:
            self.faults.append("its liveness probe failed")

    def _set_ready(self, ready: bool) -> None:
        self.ready = ready

    def _ask(self, kind: str, tell: Callable[[bool], None]) -> None:
        """Ask a probe until the pod ends, and tell what follows from its answers."""
        probe = {**_PROBE, **self._container[kind]}
        failures = 0
        while not self._gone.is_set():
            failures = 0 if self._succeeds(probe) else failures + 1
            if self._gone.is_set():
                break
            if failures == 0 or failures >= probe["failureThreshold"]:
                tell(failures == 0)
            self._gone.wait(probe["periodSeconds"])

    def _succeeds(self, probe: Object) -> bool:
        timeout_s = probe.get("timeoutSeconds", _PROBE["timeoutSeconds"])
        if "tcpSocket" in probe:
            place = (self.address, self._port(probe["tcpSocket"]["port"]))
            with suppress(OSError), socket.create_connection(place, timeout_s):
                return True
            return False
        ask = probe["httpGet"]
        with suppress(httpx.TransportError):
            answer = httpx.get(f"{self.url(ask['port'])}{ask['path']}", timeout=timeout_s)
            return 200 <= answer.status_code < 400
        return False

    def _port(self, name: str) -> int:
        (port,) = (each for each in self._container["ports"] if each["name"] == name)
        number: int = port["containerPort"]
        return number

    def _inspect(self, part: str) -> Object:
        found: Object = json.loads(docker("inspect", self.name))[0][part]
        return found


def memory(quantity: str) -> int:
    """A Kubernetes quantity in bytes."""
    return int(quantity[:-2]) * _MEMORY[quantity[-2:]]


def cpus(quantity: str) -> float:
    """A Kubernetes quantity in processors."""
    return float(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)
