"""The functions of a template."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lambda_esm.errors import TemplateError, Unresolved
from lambda_esm.model.function import DEFAULT_MEMORY_MB, DEFAULT_TIMEOUT_S, Function
from lambda_esm.template.document import Json
from lambda_esm.template.intrinsics import Resolver

_RESOURCE_TYPES = ("AWS::Serverless::Function", "AWS::Lambda::Function")


def functions_of(template: Json, resolver: Resolver, folder: Path) -> dict[str, Function]:
    """Return the functions of a template, by logical id.

    Args:
        template: as read.
        resolver: for its intrinsic functions.
        folder: where the template lies; code paths are relative to it.
    """
    globals_ = (template.get("Globals") or {}).get("Function") or {}
    return {
        logical_id: _function(logical_id, resource, globals_, resolver, folder)
        for logical_id, resource in template["Resources"].items()
        if resource.get("Type") in _RESOURCE_TYPES and resolver.exists(resource)
    }


def _function(
    logical_id: str, resource: Json, globals_: Json, resolver: Resolver, folder: Path
) -> Function:
    own = resource.get("Properties") or {}
    merged = {**globals_, **own} if resource["Type"] == _RESOURCE_TYPES[0] else own
    shared = globals_ if resource["Type"] == _RESOURCE_TYPES[0] else {}
    variables = {**_variables(shared), **_variables(own)}
    return Function(
        logical_id=logical_id,
        name=resolver.resolve(merged.get("FunctionName")) or logical_id,
        handler=str(_resolved(resolver, merged.get("Handler")) or ""),
        code=_code(resource, merged, resolver, folder),
        timeout_s=_number(resolver, merged, "Timeout", logical_id) or DEFAULT_TIMEOUT_S,
        memory_mb=_number(resolver, merged, "MemorySize", logical_id) or DEFAULT_MEMORY_MB,
        environment=_environment(resolver, variables),
        concurrency=_number(resolver, merged, "ReservedConcurrentExecutions", logical_id),
    )


def _variables(properties: Json) -> Json:
    return (properties.get("Environment") or {}).get("Variables") or {}


def _environment(resolver: Resolver, variables: Mapping[str, Any]) -> dict[str, str]:
    resolved = {name: _resolved(resolver, value) for name, value in variables.items()}
    return {name: _text(value) for name, value in resolved.items() if value is not None}


def _resolved(resolver: Resolver, value: Any) -> Any:
    """Return the value, or None when only a deployed stack knows it."""
    try:
        return resolver.resolve(value)
    except Unresolved:
        return None


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(resolver: Resolver, properties: Json, name: str, logical_id: str) -> int | None:
    value = _resolved(resolver, properties.get(name))
    if value is None:
        return None
    try:
        return int(value)
    except (TypeError, ValueError):
        raise TemplateError(f"{logical_id}: {name} must be a number, not {value!r}.") from None


def _code(resource: Json, properties: Json, resolver: Resolver, folder: Path) -> str | None:
    # The CDK writes where it put the code into the resource's metadata.
    asset = (resource.get("Metadata") or {}).get("aws:asset:path")
    path = asset or _resolved(resolver, properties.get("CodeUri") or properties.get("Code"))
    if not isinstance(path, str) or "://" in path:
        return None
    return str(folder / path)
