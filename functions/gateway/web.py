"""FastAPI, imported without email-validator.

It would import it to describe the contact address of a document, which ours has not; e-mail
addresses that people send are checked with it all the same, from the first one on
(:mod:`gateway.schemas`). All of the gateway imports FastAPI from here.
"""

from __future__ import annotations

from shared.late import absent

with absent("email_validator"):
    from fastapi import APIRouter, Depends, FastAPI, Path, Request, Response, Security
    from fastapi.exceptions import RequestValidationError
    from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

__all__ = [
    "APIRouter",
    "Depends",
    "FastAPI",
    "HTTPAuthorizationCredentials",
    "HTTPBearer",
    "Path",
    "Request",
    "RequestValidationError",
    "Response",
    "Security",
]
