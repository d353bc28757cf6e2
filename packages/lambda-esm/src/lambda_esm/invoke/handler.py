"""Find a function's handler by its dotted name, and call it as Lambda's runtime does."""

from __future__ import annotations

import importlib
import json
import logging
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from lambda_esm.errors import TemplateError
from lambda_esm.invoke.context import LambdaContext
from lambda_esm.model.function import Function
from lambda_esm.model.outcome import Outcome

log = logging.getLogger(__name__)

Handler = Callable[[dict[str, Any], Any], Any]

# Where builds put their results. Sources that are importable anyway win over those.
_BUILD_FOLDERS: Final = frozenset({"dist", "build", ".aws-sam", "cdk.out"})


def import_handlers(functions: Iterable[Function]) -> dict[str, Handler]:
    """Import the handlers that the template names; return them by function name.

    Modules come from the folder that the template deploys. If a build made that folder, modules
    that are importable anyway come first, so that breakpoints are hit in the sources.

    Raises:
        TemplateError: there is no such module or attribute, or two functions have different
            modules of one name, which cannot be in one process.
    """
    claims: dict[str, Path] = {}
    handlers = {}
    for function in functions:
        module_name, _, attribute = function.handler.replace("/", ".").rpartition(".")
        if not module_name:
            raise TemplateError(
                f"{function.logical_id}: Handler must be module.function, not {function.handler!r}."
            )
        _add_to_path(function)
        _claim(claims, function, module_name.partition(".")[0])
        handlers[function.name] = _import(function, module_name, attribute)
    return handlers


def _add_to_path(function: Function) -> None:
    folder = _folder(function)
    if folder is not None and str(folder) not in sys.path:
        sys.path.insert(len(sys.path) if _is_built(folder) else 0, str(folder))


def _claim(claims: dict[str, Path], function: Function, package: str) -> None:
    """Claim a module's name for a function; refuse it when another folder has it, too."""
    folder = _folder(function)
    if (
        folder is not None
        and _has(folder, package)
        and claims.setdefault(package, folder) != folder
    ):
        raise TemplateError(
            f"{function.logical_id}: another function has a module {package} too. Run one of "
            "them with --function, or both with --invoke processes."
        )


def _check_origin(function: Function, package: str) -> None:
    """Refuse a module that was imported from elsewhere than the function's folder."""
    folder = _folder(function)
    if folder is None or _is_built(folder) or not _has(folder, package):
        return
    origin = getattr(sys.modules[package], "__file__", None)
    if origin and not Path(origin).resolve().is_relative_to(folder):
        raise TemplateError(
            f"{function.logical_id}: its module {package} is hidden by {origin}; rename it, or try "
            "--invoke processes."
        )


def _folder(function: Function) -> Path | None:
    folder = Path(function.code or "").resolve()
    return folder if function.code and folder.is_dir() else None


def _is_built(folder: Path) -> bool:
    return not _BUILD_FOLDERS.isdisjoint(folder.parts)


def _has(folder: Path, package: str) -> bool:
    return (folder / package).is_dir() or (folder / f"{package}.py").is_file()


def _import(function: Function, module_name: str, attribute: str) -> Handler:
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        reason = error if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"
        log.debug("the import failed", exc_info=True)
        raise TemplateError(
            f"{function.logical_id}: cannot import {function.handler}: {reason}."
        ) from error
    _check_origin(function, module_name.partition(".")[0])
    handler: Handler | None = getattr(module, attribute, None)
    if not callable(handler):
        raise TemplateError(f"{function.logical_id}: {module_name} has no function {attribute}.")
    return handler


def call_handler(
    handler: Handler, event: dict[str, Any], function: Function, request_id: str
) -> Outcome:
    """Call the handler; return its response, or its error, as an outcome."""
    context = LambdaContext(function, request_id)
    begun = time.monotonic()
    try:
        response = handler(event, context)
    except Exception as error:
        log.warning("the handler raised", exc_info=True)
        reason = f"{type(error).__name__}: {error}"
        return Outcome(result="error", request_id=request_id, reason=reason)
    try:
        # As the caller of Lambda gets it: tuples are lists, keys are strings.
        response = None if response is None else json.loads(json.dumps(response))
    except (TypeError, ValueError, RecursionError) as error:
        reason = f"Runtime.MarshalError: Unable to marshal response: {error}"
        return Outcome(result="error", request_id=request_id, reason=reason)
    if time.monotonic() - begun > function.timeout_s:
        reason = f"Task timed out after {function.timeout_s} seconds"
        return Outcome(result="timeout", request_id=request_id, reason=reason)
    return Outcome(result="success", request_id=request_id, response=response)
