"""Make and rotate the keys that settings hold: ``python -m shared.security.keys``.

Each set is a JWK Set, whose first key signs or seals and all of whose keys verify or open. A
rotation has two steps, because processes get a new set one after the other: ``prepare`` adds a key
that every process comes to know, and ``promote`` puts it first. The key before it stays, so that
tokens and messages on their way stay valid::

    python -m shared.security.keys new --kind signing > keys.json
    python -m shared.security.keys prepare < keys.json > both.json
    python -m shared.security.keys promote < both.json > next.json
    python -m shared.security.keys public < next.json

Keys are written to standard output only, so that a secret store can be on both sides of a pipe.
The log line on standard error has no keys.
"""

from __future__ import annotations

import argparse
import json
import logging
import secrets
import sys
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from typing import Literal, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.config.settings import SettingsError, command
from shared.security.sealing import Jwk, JwkSet, new_key

log = logging.getLogger(__name__)

KeyKind = Literal["signing", "sealing", "sealing-hybrid"]
KEY_KINDS: tuple[KeyKind, ...] = ("signing", "sealing", "sealing-hybrid")


def make_key(kind: KeyKind, kid: str | None = None) -> Jwk:
    """Return a new key.

    Args:
        kind: ``signing`` is Ed25519, ``sealing`` X25519, ``sealing-hybrid`` the hybrid with
            ML-KEM-768 (:mod:`shared.security.sealing`).
        kid: its name; made up when not given.
    """
    name = kid or f"{kind}-{secrets.token_hex(4)}"
    if kind == "signing":
        return _signing_key(name)
    return new_key(name, "X25519" if kind == "sealing" else "MLKEM768-X25519")


def kind_of(key: Jwk) -> KeyKind:
    """Return the kind of a key."""
    if key.kty == "AKP":
        return "sealing-hybrid"
    return "signing" if key.crv == "Ed25519" else "sealing"


def prepare(keys: JwkSet, kind: KeyKind | None = None) -> JwkSet:
    """Keep the first key, add a new one that waits to be promoted, drop all others.

    Args:
        kind: of the new key; by default that of the first.
    """
    return JwkSet((keys.keys[0], make_key(kind or kind_of(keys.keys[0]))))


def promote(keys: JwkSet) -> JwkSet:
    """Put the key that waits first: it signs or seals from now on.

    Raises:
        SettingsError: none waits.
    """
    if len(keys.keys) != len(("first", "waiting")):
        raise SettingsError("There must be two keys, the first and the one that waits: prepare.")
    first, waiting = keys.keys
    return JwkSet((waiting, first))


@command
def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    made = _run(options.do, cast("KeyKind | None", options.kind))
    first, *others = (key.kid for key in made.keys)
    log.info(json.dumps({"audit": f"keys-{options.do}", "first": first, "others": others}))
    sys.stdout.write(made.to_json() + "\n")


def _run(action: str, kind: KeyKind | None) -> JwkSet:
    if action == "new":
        return JwkSet((make_key(kind or "signing"),))
    given = JwkSet.from_json(sys.stdin.read(), "standard input")
    if action == "prepare":
        return prepare(given, kind)
    return promote(given) if action == "promote" else given.public()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m shared.security.keys", description="Keys for settings."
    )
    parser.add_argument("do", choices=("new", "prepare", "promote", "public"))
    parser.add_argument("--kind", choices=KEY_KINDS, help="of the new key")
    return parser


def _signing_key(kid: str) -> Jwk:
    private = Ed25519PrivateKey.generate()
    return Jwk(
        kty="OKP",
        crv="Ed25519",
        alg="EdDSA",
        kid=kid,
        x=_b64(private.public_key().public_bytes_raw()),
        d=_b64(private.private_bytes_raw()),
    )


def _b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


if __name__ == "__main__":
    main()
