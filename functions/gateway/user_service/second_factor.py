"""The user service's commands about the second factor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.security.access_tokens import Claims
from gateway.security.one_time_tokens import recovery_hash
from gateway.user_service.client import UserServiceClient
from shared.contract.account_commands import (
    ConfirmTotp,
    EnrolTotp,
    OwnAction,
    RemoveTotp,
    RenewRecoveryCodes,
)
from shared.contract.messages import User
from shared.contract.topics import USER_UPDATE


class SecondFactorCommands:
    """Enrols, confirms, renews and removes a user's second factor.

    See :class:`~gateway.user_service.command.OutboundCommand` for errors.
    """

    def __init__(self, client: UserServiceClient) -> None:
        self._client = client

    async def enrol(self, claims: Claims, secret: str, password: str | None) -> User:
        """Store a secret; it counts once its first code is confirmed."""
        return await self._send(EnrolTotp, claims, {"secret": secret, "password": password})

    async def confirm(self, claims: Claims, code: str, recovery_codes: Sequence[str]) -> User:
        """Switch the second factor on with its first code and these recovery codes."""
        hashes = _hashes(recovery_codes)
        return await self._send(ConfirmTotp, claims, {"code": code}, recovery_hashes=hashes)

    async def renew(self, claims: Claims, password: str, recovery_codes: Sequence[str]) -> User:
        """Replace all recovery codes with these."""
        hashes = _hashes(recovery_codes)
        return await self._send(
            RenewRecoveryCodes, claims, {"password": password}, recovery_hashes=hashes
        )

    async def remove(self, claims: Claims, password: str) -> User:
        """Switch the second factor off."""
        return await self._send(RemoveTotp, claims, {"password": password})

    async def _send(
        self, kind: type[OwnAction], claims: Claims, secrets: dict[str, str | None], **rest: Any
    ) -> User:
        command = self._client.command(USER_UPDATE)
        message = command.own(kind, claims, **command.seal(**secrets), **rest)
        return await command.request(claims.user_id, message, User)


def _hashes(recovery_codes: Sequence[str]) -> tuple[str, ...]:
    return tuple(recovery_hash(each) for each in recovery_codes)
