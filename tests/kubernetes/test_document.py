"""What docs/kubernetes.md shows is real: targets, files, objects, numbers."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess

import pytest

from local.project import ROOT
from tests.kubernetes.kustomize import FOLDER, Manifests, container_of, pod_of, render
from tests.makefile import has_target

DOCUMENT = (ROOT / "docs" / "kubernetes.md").read_text()
SHOWN = re.findall(r"`((?:make|kubectl|kind|curl) [^`]+)`", DOCUMENT) + [
    line
    for block in re.findall(r"```sh\n(.*?)```", DOCUMENT, re.DOTALL)
    for line in block.splitlines()
]
COMMANDS = [shlex.split(each) for each in SHOWN]
KINDS = {"deployment": "Deployment", "job": "Job", "service": "Service"}
STOPS = re.findall(r"^\| (\S+) \|.*\| (\d+) s \|$", DOCUMENT, re.MULTILINE)


def objects(name: str) -> list[Manifests]:
    """The overlays that a command is for: the inbox is in one only."""
    return [render("dev")] if name == "inbox" else [render("dev"), render("prod")]


def test_it_has_commands_of_each_kind() -> None:
    assert {command[0] for command in COMMANDS} == {"make", "kubectl", "kind", "curl"}


@pytest.mark.parametrize("target", sorted({c[1] for c in COMMANDS if c[0] == "make"}))
def test_every_target_is_in_the_makefile(target: str) -> None:
    assert has_target(target)


def test_every_overlay_component_and_linked_file_exists() -> None:
    for folder in re.findall(r"^\| `(base|\w+/[\w-]+)` \|", DOCUMENT, re.MULTILINE):
        assert (FOLDER / folder / "kustomization.yaml").exists(), folder
    for link in re.findall(r"\]\(([^)#]+)\)", DOCUMENT):
        assert link.startswith("https://") or (ROOT / "docs" / link).exists(), link
    for option in re.findall(r"OVERLAY=(\w+)", DOCUMENT):
        assert (FOLDER / "overlays" / option).is_dir()


def test_every_object_of_a_command_exists() -> None:
    named = [word for command in COMMANDS if command[0] == "kubectl" for word in command]
    found = [match for word in named if (match := re.fullmatch(r"(\w+)/([\w-]+)", word))]
    assert len(found) > 4
    for match in found:
        for manifests in objects(match[2]):
            assert manifests.get(KINDS[match[1]], match[2])


def test_every_command_is_about_our_namespace() -> None:
    for command in COMMANDS:
        if command[0] == "kubectl":
            assert command[command.index("--namespace") + 1] == "microservices"


def test_ports_that_are_forwarded_are_the_services() -> None:
    forwarded = [command for command in COMMANDS if command[:2] == ["kubectl", "port-forward"]]
    assert len(forwarded) == 2
    for command in forwarded:
        service = render("dev").get("Service", command[-2].removeprefix("service/"))
        _, _, port = command[-1].partition(":")
        assert int(port) in {each["port"] for each in service["spec"]["ports"]}


def test_images_that_are_loaded_are_those_that_run() -> None:
    (load,) = (command for command in COMMANDS if command[:3] == ["kind", "load", "docker-image"])
    run = {
        container_of(each)["image"] for each in render("dev").workloads("api", "worker", "setup")
    }

    assert set(load[3:]) == run


@pytest.mark.parametrize(("name", "seconds"), STOPS)
def test_the_time_that_a_stop_may_take_is_as_shown(name: str, seconds: str) -> None:
    pod = pod_of(render("prod").get("Deployment", name))

    assert pod["terminationGracePeriodSeconds"] == int(seconds)


def test_the_stop_of_every_deployment_is_shown() -> None:
    assert {name for name, _ in STOPS} == {"gateway", "user-service", "notification-service"}


def test_kubectl_knows_the_options() -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("needs kubectl")
    for command in COMMANDS:
        if command[0] == "kubectl":
            words = [word for word in command[1:3] if word in {"rollout", "restart", "undo"}]
            subprocess.run(
                ["kubectl", *(words or command[1:2]), "--help"], check=True, capture_output=True
            )
