"""FastAPI for all of the gateway, imported without what a cold start need not wait for.

It defines OpenAPI's document as models, a tenth of its import. Few requests are for the document,
so those models are built when it is made. One of them describes a contact address, which our
document lacks, with email-validator. The addresses in requests are checked with email-validator all
the same, from the first one on (:mod:`gateway.http.requests`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import BaseModel

from shared.config.lazy_imports import hidden


@contextmanager
def _models_deferred() -> Iterator[None]:
    """Let models defined inside be built at their first use; they inherit this setting."""
    BaseModel.model_config["defer_build"] = True
    try:
        yield
    finally:
        del BaseModel.model_config["defer_build"]


with _models_deferred(), hidden("email_validator"):
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
