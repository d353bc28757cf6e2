"""The system in containers: a Compose project of its own, on ports of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import httpx

from local import ports
from local.compose import write
from local.project import ROOT
from local.services.apache_kafka import JARS
from local.services.kafka_jars import class_path
from tests.containers import docker
from tests.services import Inbox, client_of

FILE: Final = ROOT / "local" / "docker-compose.yml"
_PROJECT: Final = "user-services-test"
_PULL_S: Final = 120.0
_SERVICES: Final = {
    "gateway": "gateway",
    "user": "user-service",
    "notification": "notification-service",
}
_PORTS: Final = ("PORT", "INBOX_PORT", "KAFKA_PORT", "POSTGRES_PORT", "REDIS_PORT")


class Containers:
    """The Compose file's system, with the surface of :class:`tests.services.System`.

    Attributes:
        url: the base URL of the API.
        inbox: where its mails arrive.
        network: the Docker network that all containers are on.
    """

    def __init__(self) -> None:
        chosen = {name: str(ports.any_free()) for name in _PORTS}
        own = {"COMPOSE_PROJECT_NAME": _PROJECT, "NETWORK": _PROJECT}
        cheap = {"BCRYPT_COST": "4", "TRUSTED_PROXIES": "*"}
        self.network = _PROJECT
        self._env = {**os.environ, **chosen, **own, **cheap}
        self.url = f"http://{ports.HOST}:{chosen['PORT']}"
        self.inbox = Inbox(f"http://{ports.HOST}:{chosen['INBOX_PORT']}", "")

    def up(self) -> None:
        """Build the images, start everything, and wait until all is healthy."""
        write(ROOT / ".local")
        self.compose("up", "--build", "--detach", "--wait")

    def down(self, *options: str) -> None:
        """End everything."""
        self.compose("down", *options)

    def client(self) -> httpx.Client:
        """An HTTP client with an address of its own, so that no other's requests count for it."""
        return client_of(self.url)

    @property
    def output(self) -> Mapping[str, list[str]]:
        """Every line that a program has written, by the name it has without containers, too."""
        return {
            name: self.compose("logs", "--no-log-prefix", service).splitlines()
            for name, service in _SERVICES.items()
        }

    def inspect(self, service: str) -> dict[str, Any]:
        """What Docker knows of a service's container."""
        id_ = self.compose("ps", "--all", "--quiet", service).strip()
        [found] = json.loads(docker("inspect", id_))
        return dict(found)

    def environment(self, service: str) -> list[str]:
        """The variables that the Compose file gives a service, as ``NAME=value``."""
        given = self.config()["services"][service]["environment"]
        return [f"{name}={value}" for name, value in given.items()]

    def build(self, image: str, target: str, **arguments: str) -> None:
        """Build one target of the Dockerfile, as Compose builds the others."""
        context = {
            "context": str(ROOT),
            "dockerfile": "local/Dockerfile",
            "target": target,
            "args": arguments,
        }
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            json.dump({"services": {"only": {"image": image, "build": context}}}, file)
            file.flush()
            docker("compose", "--file", file.name, "--project-name", _PROJECT, "build")

    def config(self) -> dict[str, Any]:
        """The Compose file with everything resolved."""
        found: dict[str, Any] = json.loads(self.compose("config", "--format", "json"))
        return found

    def compose(self, *arguments: str) -> str:
        """Run ``docker compose`` on the file."""
        return docker("compose", "--file", str(FILE), *arguments, env=self._env)

    def close(self) -> None:
        """End everything and forget the data."""
        self.inbox.close()
        self.down("--volumes")


def provide_kafka(image: str) -> None:
    """Have Kafka's image: the real one where it can be had, else one built from the locked jars."""
    if has_image(image):
        return
    pull = ["docker", "pull", "--quiet", image]
    try:
        if subprocess.run(pull, capture_output=True, timeout=_PULL_S).returncode == 0:
            return
    except subprocess.TimeoutExpired:
        pass
    class_path(JARS)
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder, "context")
        shutil.copytree(Path(__file__).with_name("kafka-image"), context)
        (context / "jars").mkdir()
        for jar in JARS.glob("*.jar"):
            shutil.copy(jar, context / "jars")
        docker("build", "--quiet", "--label", "standin=kafka-jars", "--tag", image, str(context))


def has_image(name: str) -> bool:
    """Whether the engine has an image."""
    inspect = ["docker", "image", "inspect", name]
    return subprocess.run(inspect, capture_output=True).returncode == 0
