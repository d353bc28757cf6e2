"""Find a function's handler by its dotted name, and call it as Lambda's runtime does."""

from __future__ import annotations

import importlib
import json
import logging
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from local.esm.errors import TemplateError
from local.esm.invoke.context import LambdaContext
from local.esm.invoke.outcome import Outcome
from local.esm.template.functions import Function

log = logging.getLogger(__name__)

Handler = Callable[[dict[str, Any], Any], Any]


def import_handlers(functions: Iterable[Function]) -> dict[str, Handler]:
    """The handlers that the template names, by the functions' names.

    What is importable already comes first, so that sources win over a build of them; the folder
    that the template deploys is looked into last.

    Raises:
        TemplateError: there is no such module or attribute, or two functions have different
            modules of one name, which only one process for each can hold.
    """
    claims: dict[str, Path] = {}
    handlers = {}
    for function in functions:
        module_name, _, attribute = function.handler.replace("/", ".").rpartition(".")
        if not module_name:
            raise TemplateError(f"{function.logical_id}: Handler must be module.function.")
        _claim(claims, function, module_name.partition(".")[0])
        handlers[function.name] = _import(function, module_name, attribute)
    return handlers


def _claim(claims: dict[str, Path], function: Function, package: str) -> None:
    """Look into the function's folder, unless another function has the same module elsewhere."""
    folder = Path(function.code or "")
    if not function.code or not folder.is_dir():
        return
    if str(folder.resolve()) not in sys.path:
        sys.path.append(str(folder.resolve()))
    has_it = (folder / package).is_dir() or (folder / f"{package}.py").is_file()
    if has_it and claims.setdefault(package, folder).resolve() != folder.resolve():
        raise TemplateError(
            f"{function.logical_id}: another function has a module {package} too. Run them apart "
            "with --function, or with --invoke processes."
        )


def _import(function: Function, module_name: str, attribute: str) -> Handler:
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        reason = error if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"
        log.debug("the import failed", exc_info=True)
        raise TemplateError(
            f"{function.logical_id}: cannot import {function.handler}: {reason}."
        ) from error
    handler: Handler | None = getattr(module, attribute, None)
    if not callable(handler):
        raise TemplateError(f"{function.logical_id}: {module_name} has no function {attribute}.")
    return handler


def call(handler: Handler, event: dict[str, Any], function: Function, request_id: str) -> Outcome:
    """Call the handler; what it raises or cannot return becomes the outcome."""
    context = LambdaContext(function, request_id)
    begun = time.monotonic()
    try:
        answer = handler(event, context)
    except Exception as error:
        log.warning("the handler raised", exc_info=True)
        reason = f"{type(error).__name__}: {error}"
        return Outcome(kind="error", request_id=request_id, reason=reason)
    try:
        if answer is not None:
            json.dumps(answer)
    except (TypeError, ValueError, RecursionError) as error:
        reason = f"Runtime.MarshalError: Unable to marshal response: {error}"
        return Outcome(kind="error", request_id=request_id, reason=reason)
    if time.monotonic() - begun > function.timeout_s:
        reason = f"Task timed out after {function.timeout_s} seconds"
        return Outcome(kind="timeout", request_id=request_id, reason=reason)
    return Outcome(kind="success", request_id=request_id, answer=answer)
