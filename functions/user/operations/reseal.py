"""Seal stored secrets to the newest key: ``python -m user.operations.reseal``. Safe to repeat.

An accepted code seals its secret anew. This command seals the rest, before an old key is removed
from ``USER_PRIVATE_KEYS``.
"""

from __future__ import annotations

import logging
import os

import msgspec
import psycopg

from shared.config.logs import configure
from shared.config.secrets import environment
from shared.config.settings import LogSettings, command, load
from shared.contract.json import decode_json
from shared.contract.messages import Sealed
from shared.security.sealing import JwkSet
from user.security.vault import Vault

log = logging.getLogger(__name__)


class Settings(LogSettings, frozen=True, kw_only=True):
    """The settings: the database and the keys, as the user function has them."""

    database_url: str
    user_private_keys: str


def reseal(database_url: str, keys: JwkSet) -> int:
    """Seal secrets anew that are sealed to another key than the first.

    Returns:
        The number of those secrets.
    """
    vault, newest, done = Vault(keys), keys.keys[0].kid, 0
    with psycopg.connect(database_url) as connection:
        old = connection.execute(
            "SELECT user_id, secret::text FROM second_factors "
            "WHERE secret->>'kid' <> %s FOR UPDATE",
            (newest,),
        ).fetchall()
        for user_id, text in old:
            secret = vault.open(decode_json(text, Sealed), user_id)
            sealed = msgspec.json.encode(vault.seal(secret, user_id)).decode()
            connection.execute(
                "UPDATE second_factors SET secret = %s WHERE user_id = %s", (sealed, user_id)
            )
            done += 1
    return done


@command
def main() -> None:
    """Run the command."""
    settings = load(Settings, environment(os.environ))
    keys = JwkSet.from_json(settings.user_private_keys, "USER_PRIVATE_KEYS")
    configure("reseal", settings)
    log.info("secrets sealed anew", extra={"secrets": reseal(settings.database_url, keys)})


if __name__ == "__main__":
    main()
