"""The secrets of the containers: ``python -m local.compose FOLDER``.

Docker Compose hands each service a file of variables of its own: one service's file does not open
what is sealed to another.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from local import keys
from local.keys import Keys


def variables(keys: Keys) -> Mapping[str, Mapping[str, str]]:
    """Return the secret variables of each service."""
    return {
        "gateway": {
            "JWT_SIGNING_KEYS": keys.jwt.to_json(),
            "USER_PUBLIC_KEYS": keys.user.public().to_json(),
            "NOTIFICATION_PUBLIC_KEYS": keys.notification.public().to_json(),
        },
        "user": {"USER_PRIVATE_KEYS": keys.user.to_json()},
        "notification": {"NOTIFICATION_PRIVATE_KEYS": keys.notification.to_json()},
    }


def write(folder: Path) -> None:
    """Write ``compose/SERVICE.env`` in a folder that holds, or is given, ``keys.json``."""
    files = folder / "compose"
    files.mkdir(parents=True, exist_ok=True)
    for service, given in variables(keys.load_or_make(folder / "keys.json")).items():
        file = files / f"{service}.env"
        file.touch(mode=0o600)
        # In single quotes Compose takes a value as it stands; JSON of keys has none.
        file.write_text("".join(f"{name}='{value}'\n" for name, value in given.items()))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
