"""The manifests as kustomize renders an overlay, a container's variables as a kubelet sets them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from infra.kubernetes import secrets
from local import keys
from local.project import ROOT

FOLDER: Final = ROOT / "infra" / "kubernetes"
OVERLAYS: Final = ("dev", "prod")
_TOOLS: Final = ROOT / ".local" / "go-tools"
_REFERENCE: Final = re.compile(r"\$(\$|\(([A-Za-z_][A-Za-z0-9_.-]*)\))")

Object = dict[str, Any]


class Manifests:
    """The objects of one overlay, with the secrets that its containers ask for."""

    def __init__(self, objects: list[Object]) -> None:
        self.objects = objects

    def of(self, kind: str) -> list[Object]:
        """All objects of a kind."""
        return [each for each in self.objects if each["kind"] == kind]

    def get(self, kind: str, name: str) -> Object:
        """One object.

        Raises:
            KeyError: there is none, or more than one.
        """
        found = [each for each in self.of(kind) if each["metadata"]["name"] == name]
        if len(found) != 1:
            raise KeyError(f"{len(found)} of {kind} {name}")
        return found[0]

    def workloads(self, *components: str) -> Iterator[Object]:
        """Deployments and Jobs of some components."""
        for each in (*self.of("Deployment"), *self.of("Job")):
            if each["metadata"]["labels"]["app.kubernetes.io/component"] in components:
                yield each

    def variables(self, container: Object) -> dict[str, str]:
        """What a container's environment is, beside its image's; later sources win.

        Raises:
            KeyError: it names what is not there and not optional.
        """
        found: dict[str, str] = {}
        for source in container.get("envFrom", ()):
            found |= self._held(source)
        for each in container.get("env", ()):
            found[each["name"]] = each["value"]
        return found

    def arguments(self, container: Object) -> list[str]:
        """``args`` with the variables in them replaced."""
        return [expand(each, self.variables(container)) for each in container.get("args", ())]

    def _held(self, source: Object) -> dict[str, str]:
        for member, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            if member in source:
                reference = source[member]
                try:
                    return _content(self.get(kind, reference["name"]))
                except KeyError:
                    if reference.get("optional"):
                        return {}
                    raise
        raise KeyError(str(source))


def pod_of(workload: Object) -> Object:
    """The pod template's spec."""
    spec: Object = workload["spec"]["template"]["spec"]
    return spec


def container_of(workload: Object) -> Object:
    """The only container."""
    (container,) = pod_of(workload)["containers"]
    found: Object = container
    return found


def labels_of(workload: Object) -> dict[str, str]:
    """The labels of its pods."""
    found: dict[str, str] = workload["spec"]["template"]["metadata"]["labels"]
    return found


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replace ``$(NAME)`` as a kubelet does: what is not known stays, ``$$`` is ``$``."""

    def replaced(match: re.Match[str]) -> str:
        return "$" if match[1] == "$" else variables.get(match[2], match[0])

    return _REFERENCE.sub(replaced, text)


def tool(name: str) -> str | None:
    """Where a program is that ``make test-k8s`` installs, or the machine has."""
    return shutil.which(name, path=os.pathsep.join((str(_TOOLS), os.environ["PATH"])))


@cache
def objects_of(folder: Path) -> tuple[Object, ...]:
    """What kustomize makes of a folder; the test is skipped where there is no kustomize."""
    if command := tool("kustomize"):
        build = [command, "build"]
    elif command := tool("kubectl"):
        build = [command, "kustomize"]
    else:
        pytest.skip("needs kustomize: make test-k8s")
    done = subprocess.run([*build, str(folder)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


@cache
def render(overlay: str) -> Manifests:
    """An overlay, with the Secrets that a first try has, or the store would give."""
    objects = objects_of(FOLDER / "overlays" / overlay)
    made = secrets.manifests(
        keys.make(),
        database="postgresql://app:app@postgres:5432/app",
        redis="redis://redis:6379/0",
        smtp="smtp://inbox:1025",
    )
    return Manifests([*objects, *_given(objects, made)])


def _given(objects: tuple[Object, ...], made: list[Object]) -> list[Object]:
    """The Secrets: as External Secrets would make them where the overlay has that, else as made."""
    external = [each for each in objects if each["kind"] == "ExternalSecret"]
    if not external:
        return made
    known = {each["metadata"]["name"]: each["stringData"] for each in made}
    known["kafka-credentials"] = {"KAFKA_SASL_USERNAME": "app", "KAFKA_SASL_PASSWORD": "secret"}
    return [_as_secret(each, known) for each in external]


def _as_secret(external: Object, known: Mapping[str, Mapping[str, str]]) -> Object:
    name = external["spec"]["target"]["name"]
    names = [each["secretKey"] for each in external["spec"]["data"]]
    data = {each: known[name][each] for each in names}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}


def _content(held: Object) -> dict[str, str]:
    found: dict[str, str] = held.get("stringData") or held.get("data") or {}
    return found
