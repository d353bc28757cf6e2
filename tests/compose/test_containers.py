"""What holds for the containers themselves: who they are, what they know, what they survive."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.compose.containers import Containers
from tests.person import AUTH, PASSWORD
from tests.services import eventually

OURS = ("gateway", "user-service", "notification-service")
SECRETS = {
    "gateway": {"JWT_SIGNING_KEYS", "USER_PUBLIC_KEYS", "NOTIFICATION_PUBLIC_KEYS"},
    "user-service": {"USER_PRIVATE_KEYS"},
    "notification-service": {"NOTIFICATION_PRIVATE_KEYS"},
}


def register(containers: Containers) -> dict[str, str]:
    """Register somebody; returns what signs in."""
    credentials = {"email": f"ada-{uuid4().hex[:12]}@example.com", "password": PASSWORD}
    with containers.client() as http:
        assert http.post(f"{AUTH}/register", json=credentials).status_code == 201
    return credentials


def signs_in(containers: Containers, credentials: dict[str, str]) -> bool:
    with containers.client() as http:
        return http.post(f"{AUTH}/login", json=credentials).status_code == 200


@pytest.mark.parametrize("service", OURS)
def test_it_is_nobody_on_a_file_system_that_cannot_be_written(
    containers: Containers, service: str
) -> None:
    assert containers.compose("exec", "--no-TTY", service, "id", "-u").strip() == "10001"
    with pytest.raises(RuntimeError, match="Read-only file system"):
        containers.compose("exec", "--no-TTY", service, "touch", "/app/x")


@pytest.mark.parametrize("service", OURS)
def test_it_is_given_its_own_secrets_and_no_other(containers: Containers, service: str) -> None:
    variables = {line.partition("=")[0] for line in containers.inspect(service)["Config"]["Env"]}

    assert variables & set().union(*SECRETS.values()) == SECRETS[service]
    assert ("DATABASE_URL" in variables) is (service == "user-service")


def test_every_container_is_limited_and_on_loopback_only(containers: Containers) -> None:
    for service in containers.config()["services"]:
        host = containers.inspect(service)["HostConfig"]
        assert host["Memory"] > 0, service
        assert host["NanoCpus"] > 0, service
        for bound in host["PortBindings"].values():
            assert [each["HostIp"] for each in bound] == ["127.0.0.1"], service


def test_a_killed_worker_goes_on_where_it_was(containers: Containers) -> None:
    credentials = register(containers)
    containers.compose("kill", "user-service")
    containers.compose("start", "user-service")

    assert eventually(lambda: signs_in(containers, credentials), timeout=60)


def test_data_outlive_the_containers(containers: Containers) -> None:
    credentials = register(containers)
    containers.down()
    containers.up()

    assert signs_in(containers, credentials)
