"""Which mappings to run: those of the template, or of some of its functions."""

from __future__ import annotations

import logging

from lambda_esm.errors import TemplateError
from lambda_esm.model.mapping import Mapping
from lambda_esm.options import Options
from lambda_esm.template.document import load_template
from lambda_esm.template.functions import functions_of
from lambda_esm.template.intrinsics import Resolver
from lambda_esm.template.mappings import default_broker_parameters, mappings_of
from lambda_esm.template.portability import warnings_of

log = logging.getLogger(__name__)


def read_mappings(options: Options) -> list[Mapping]:
    """Return the mappings to run, and warn of what AWS would not do with them.

    Raises:
        TemplateError: there are none, or one is not what Lambda accepts.
    """
    template = load_template(options.template)
    resolver = Resolver(template, options.parameters)
    if options.bootstrap_servers:
        default_broker_parameters(template, resolver, options.bootstrap_servers)
    functions = functions_of(template, resolver, options.template.parent)
    mappings = mappings_of(template, resolver, functions, options.bootstrap_servers)
    if not mappings:
        raise TemplateError(f"{options.template} has no enabled Kafka event source mapping.")
    chosen = _of_functions(mappings, options.functions)
    if not options.endpoints:
        _check_handlers(chosen)
    _warn(chosen)
    return chosen


def _warn(mappings: list[Mapping]) -> None:
    by_reason: dict[str, list[str]] = {}
    for mapping in mappings:
        for reason in warnings_of(mapping):
            by_reason.setdefault(reason, []).append(mapping.logical_id)
    for reason, names in by_reason.items():
        log.warning("not portable", extra={"reason": reason, "mappings": ",".join(names)})


def _of_functions(mappings: list[Mapping], names: tuple[str, ...]) -> list[Mapping]:
    known = {name for m in mappings for name in (m.function.logical_id, m.function.name)}
    for name in names:
        if name not in known:
            raise TemplateError(
                f"No Kafka mapping invokes {name}; there are: {', '.join(sorted(known))}."
            )
    wanted = set(names)
    return [m for m in mappings if not wanted or {m.function.logical_id, m.function.name} & wanted]


def _check_handlers(mappings: list[Mapping]) -> None:
    for mapping in mappings:
        if not mapping.function.handler:
            raise TemplateError(
                f"{mapping.logical_id}: the template has no handler for the function "
                f"{mapping.function.name}; it can only be invoked with --endpoint."
            )
