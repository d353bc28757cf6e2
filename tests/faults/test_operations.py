"""What docs/operations.md shows is run, on a system that has something to put back."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.contract.topics import NOTIFICATION_WELCOME
from shared.security.sealing import JwkSet
from tests.faults.invariants import on_failure
from tests.faults.world import World, open_world
from tests.makefile import has_target
from tests.person import AUTH
from tests.services import eventually

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/operations.md").read_text()
BLOCKS: list[tuple[str, str]] = re.findall(
    r"^```(sh|text)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL
)
EMAIL = "put-back@example.com"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with open_world() as world:
        yield world


def shown(part: str) -> str:
    """The block of shell with these words in it."""
    (found,) = [text for kind, text in BLOCKS if kind == "sh" and part in text]
    return found


def said(part: str) -> list[str]:
    """The lines that the page shows below that block."""
    number = next(n for n, (_, text) in enumerate(BLOCKS) if part in text)
    kind, text = BLOCKS[number + 1]
    assert kind == "text"
    return text.splitlines()


def run(script: str, folder: Path, servers: str) -> str:
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT / "functions", ROOT / "layers", ROOT))),
        "KAFKA_BOOTSTRAP_SERVERS": servers,
    }
    done = subprocess.run(
        ["bash", "-e"], input=script, cwd=folder, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_what_was_given_up_is_put_back_and_mailed_once(world: World) -> None:
    world.postbox.mood = "refuses"
    with world.system.client() as client:
        body = {"email": EMAIL, "password": "correct horse battery"}
        assert client.post(f"{AUTH}/register", json=body).status_code == 201
    eventually(lambda: on_failure(world).total() == 1, timeout=90, every=0.5)
    world.postbox.mood = "takes"

    output = run(shown("replay"), ROOT, world.broker.address)

    assert all(line in output for line in said("replay")), output
    eventually(lambda: world.postbox.to(EMAIL, "welcome"), timeout=60)
    eventually(lambda: world.records.lag() == 0, timeout=60, every=0.2)
    # Everything again: it is known to have been sent.
    world.system.stop("notification")
    everything = run(shown("--to earliest"), ROOT, world.broker.address)
    assert NOTIFICATION_WELCOME in everything
    assert world.records.lag() > 0
    world.system.start("notification")
    eventually(lambda: world.records.lag() == 0, timeout=60, every=0.2)
    assert len(world.postbox.to(EMAIL, "welcome")) == 1
    assert all(line in run(shown("offsets --topic notification.send.welcome\n"), ROOT,
               world.broker.address) for line in said("offsets --topic"))  # fmt: skip


def set_offsets(world: World, to: str) -> None:
    command = f"lambda-esm offsets --topic {NOTIFICATION_WELCOME} --to {to}"
    world.system.stop("notification")
    try:
        run(command, ROOT, world.broker.address)
    except BaseException:
        world.system.start("notification")
        raise


def test_offsets_can_be_set_to_the_end(world: World) -> None:
    set_offsets(world, "earliest")
    assert world.records.lag() > 0
    world.system.start("notification")
    set_offsets(world, "latest")
    lag = world.records.lag()
    world.system.start("notification")
    assert lag == 0


@pytest.mark.apache
def test_offsets_can_be_set_to_a_time(world: World) -> None:
    set_offsets(world, "2000-01-01T00:00:00+00:00")
    lag = world.records.lag()
    world.system.start("notification")
    assert lag > 0


def test_offsets_of_a_mapping_that_runs_are_left_alone(world: World) -> None:
    command = f"lambda-esm offsets --topic {NOTIFICATION_WELCOME} --to earliest"

    with pytest.raises(AssertionError, match="stop or disable its mapping first"):
        run(command, ROOT, world.broker.address)
    eventually(lambda: world.records.lag() == 0, timeout=60, every=0.2)


def test_the_keys_of_a_rotation_are_in_their_order(tmp_path: Path) -> None:
    run(shown("shared.security.keys promote"), tmp_path, "")

    both, following, public = (
        JwkSet.from_json((tmp_path / f"{name}.json").read_text(), name)
        for name in ("both", "next", "public")
    )
    assert [key.kid for key in both.keys] == [key.kid for key in reversed(following.keys)]
    assert [key.kid for key in public.keys] == [key.kid for key in following.keys]
    assert not any(key.d for key in public.keys)


def test_every_alarm_target_and_link_that_is_named_exists() -> None:
    template = (ROOT / "template.yaml").read_text()

    for alarm in re.findall(r"`(\w+Alarm)`", PAGE):
        assert f"  {alarm}:" in template, alarm
    for target in re.findall(r"`(?:\w+=\w+ )*make ([a-z-]+)`", PAGE):
        assert has_target(target), target
    for link in re.findall(r"\]\(([\w-]+\.md)", PAGE):
        assert (ROOT / "docs" / link).exists(), link
