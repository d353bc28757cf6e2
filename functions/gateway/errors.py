"""Errors of the gateway itself; the others come from :mod:`shared.contract.errors`."""

from __future__ import annotations

from shared.contract.errors import ServiceError


class NotAuthenticated(ServiceError):
    """No access token, or not one that the gateway would issue today."""

    code = "not-authenticated"
    status = 401
