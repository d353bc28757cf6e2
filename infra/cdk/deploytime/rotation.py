"""The keys in each secret, and their exchange without an interruption.

A set is *current, next, previous ones*. A reader knows all of them; a writer uses the current one.
A rotation makes the next the current. By then every reader has known it for a whole period, however
long its execution environment has lived. Messages on their way are still opened with the previous
one. The user function keeps all of them, because second factors are stored sealed
(``python -m user.operations.reseal`` before one is taken out by hand).

============  =========================  ================================
secret        member                     keys, in this order
============  =========================  ================================
gateway       JWT_SIGNING_KEYS           current, next, previous
gateway       USER_PUBLIC_KEYS           current, its public part
gateway       NOTIFICATION_PUBLIC_KEYS   current, its public part
user          USER_PRIVATE_KEYS          current, next, all previous
notification  NOTIFICATION_PRIVATE_KEYS  current, next, previous
gateway       ORIGIN_SECRETS             current, next, previous
front         ORIGIN_SECRET              current: what CloudFront sends
============  =========================  ================================
"""

from __future__ import annotations

import secrets
from typing import Final, NamedTuple

import msgspec

from shared.security.keys import KeyKind, make_key
from shared.security.sealing import Jwk, JwkSet

SecretContent = dict[str, str]


class SecretContents(msgspec.Struct):
    """The content of the secrets."""

    gateway: SecretContent
    user: SecretContent
    migration: SecretContent
    notification: SecretContent
    front: SecretContent


class _Use(NamedTuple):
    """The purpose of a set; the number of previous keys that it keeps, None for all."""

    name: str
    kind: KeyKind
    previous: int | None


_JWT: Final = _Use("jwt", "signing", 1)
_USER: Final = _Use("user", "sealing", None)
_NOTIFICATION: Final = _Use("notification", "sealing", 1)


def complete(held: SecretContents, *, rotate: bool) -> SecretContents:
    """Make the missing keys; with ``rotate``, also exchange the others.

    A rotation that broke off between two secrets is completed, not repeated. After a second
    exchange no reader might have the key that the gateway still seals to.
    """
    jwt = _keys(held.gateway.get("JWT_SIGNING_KEYS"), _JWT, rotate=rotate)
    user = _sealing(held, held.user, _USER, rotate=rotate)
    notification = _sealing(held, held.notification, _NOTIFICATION, rotate=rotate)
    origin = _origin(held, rotate=rotate)
    return SecretContents(
        gateway={
            **held.gateway,
            "JWT_SIGNING_KEYS": jwt.to_json(),
            "USER_PUBLIC_KEYS": _current(user),
            "NOTIFICATION_PUBLIC_KEYS": _current(notification),
            "ORIGIN_SECRETS": ",".join(origin),
        },
        user={**held.user, "USER_PRIVATE_KEYS": user.to_json()},
        migration=held.migration,
        notification={**held.notification, "NOTIFICATION_PRIVATE_KEYS": notification.to_json()},
        front={"ORIGIN_SECRET": origin[0]},
    )


def _sealing(held: SecretContents, secret: SecretContent, use: _Use, *, rotate: bool) -> JwkSet:
    private = secret.get(f"{use.name.upper()}_PRIVATE_KEYS")
    public = held.gateway.get(f"{use.name.upper()}_PUBLIC_KEYS")
    in_step = private is not None and public == _current(JwkSet.from_json(private, use.name))
    return _keys(private, use, rotate=rotate and in_step)


def _keys(text: str | None, use: _Use, *, rotate: bool) -> JwkSet:
    if text is None:
        return JwkSet((_new(use), _new(use)))
    held = JwkSet.from_json(text, use.name).keys
    if not rotate:
        return JwkSet(held)
    current, following, *previous = held
    return JwkSet((following, _new(use), *(current, *previous)[: use.previous]))


def _origin(held: SecretContents, *, rotate: bool) -> list[str]:
    known = held.gateway.get("ORIGIN_SECRETS", "").split(",")
    if len(known) < 2:
        return [secrets.token_urlsafe(), secrets.token_urlsafe()]
    if not rotate or held.front.get("ORIGIN_SECRET") != known[0]:
        return known
    return [known[1], secrets.token_urlsafe(), known[0]]


def _current(keys: JwkSet) -> str:
    return JwkSet(keys.keys[:1]).public().to_json()


def _new(use: _Use) -> Jwk:
    return make_key(use.kind, f"{use.name}-{secrets.token_hex(4)}")
