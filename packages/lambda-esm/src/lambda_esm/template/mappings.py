"""The event source mappings of a template: CloudFormation's resources and SAM's events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from lambda_esm.errors import TemplateError, Unresolved
from lambda_esm.model.account import ACCOUNT, region
from lambda_esm.model.function import Function
from lambda_esm.model.mapping import Mapping
from lambda_esm.template.document import Json
from lambda_esm.template.intrinsics import Resolver
from lambda_esm.template.mapping_reader import MappingReader
from lambda_esm.template.sam_events import kafka_events

RESOURCE_TYPE: Final = "AWS::Lambda::EventSourceMapping"
# What stands for a cluster that is not used, where the template leaves it open.
_UNUSED_CLUSTER: Final[dict[str, Any]] = {
    "EventSourceArn": f"arn:aws:kafka:{region()}:{ACCOUNT}:cluster/local",
    "SelfManagedEventSource": {"Endpoints": {}},
    "SourceAccessConfigurations": [],
}


def mappings_of(
    template: Json,
    resolver: Resolver,
    functions: dict[str, Function],
    servers: str | None,
) -> list[Mapping]:
    """Return the enabled Kafka mappings of a template.

    Args:
        template: as read.
        resolver: for its intrinsic functions.
        functions: by logical id.
        servers: brokers to use instead of those the template names.

    Raises:
        TemplateError: one of them is not what Lambda accepts.
    """
    mappings = []
    for logical_id, properties in _declared(template, resolver):
        resolved = _resolved(properties, resolver, servers)
        mapping = MappingReader(logical_id, resolved, functions, servers).mapping()
        if mapping is not None:
            mappings.append(mapping)
    _check_unique(mappings)
    return mappings


def default_broker_parameters(template: Json, resolver: Resolver, servers: str) -> None:
    """Set the parameters that mappings take their brokers from to the command line's brokers."""
    for _, properties in _declared(template, resolver):
        resolver.default_parameters(properties.get("SelfManagedEventSource"), servers)


def _declared(template: Json, resolver: Resolver) -> Iterable[tuple[str, Json]]:
    """Yield logical id and raw properties of every Kafka mapping, in the template's order."""
    for logical_id, resource in template["Resources"].items():
        if not resolver.exists(resource):
            continue
        properties = resource.get("Properties") or {}
        if resource.get("Type") == "AWS::Serverless::Function":
            yield from kafka_events(logical_id, resource)
        elif resource.get("Type") == RESOURCE_TYPE and _is_kafka(properties):
            yield logical_id, properties


def _is_kafka(properties: Json) -> bool:
    """Return whether a mapping is Kafka's; queues and streams have mappings, too."""
    kafka_members = ("Topics", "SelfManagedEventSource", "AmazonManagedKafkaEventSourceConfig")
    return any(name in properties for name in kafka_members)


def _resolved(properties: Json, resolver: Resolver, servers: str | None) -> Json:
    """Return the properties without intrinsic functions.

    With brokers from the command line, the template's own brokers and their credentials may stay
    unknown: that cluster is not used.
    """
    if not servers:
        return dict(resolver.resolve(properties))
    resolved = {}
    for name, value in properties.items():
        try:
            resolved[name] = resolver.resolve(value)
        except Unresolved:
            if name not in _UNUSED_CLUSTER:
                raise
            resolved[name] = _UNUSED_CLUSTER[name]
    return resolved


def _check_unique(mappings: list[Mapping]) -> None:
    seen: dict[str, str] = {}
    for mapping in mappings:
        for what in (
            f"ConsumerGroupId {mapping.group_id}",
            f"function {mapping.function.name} and topic {mapping.topic}",
        ):
            other = seen.setdefault(what, mapping.logical_id)
            if other != mapping.logical_id:
                raise TemplateError(f"{mapping.logical_id}: {other} already has the {what}.")
