"""SAM's short form: a function's ``Events`` of type ``MSK`` and ``SelfManagedKafka``.

Source: AWS SAM Developer Guide, "MSK" and "SelfManagedKafka"; each becomes the properties of an
``AWS::Lambda::EventSourceMapping``, as SAM's transform does it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from lambda_esm.template.document import Json

_EVENT_TYPES: Final = ("MSK", "SelfManagedKafka")
_SAME_NAME: Final = (
    "BatchSize",
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "Enabled",
    "FilterCriteria",
    "FunctionResponseTypes",
    "MaximumBatchingWindowInSeconds",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "ProvisionedPollerConfig",
    "SourceAccessConfigurations",
    "StartingPosition",
    "StartingPositionTimestamp",
    "Topics",
)


def kafka_events(logical_id: str, function: Json) -> Iterable[tuple[str, Json]]:
    """Yield the mappings of a SAM function: logical id and properties, still unresolved."""
    for name, event in ((function.get("Properties") or {}).get("Events") or {}).items():
        if isinstance(event, dict) and event.get("Type") in _EVENT_TYPES:
            properties = event.get("Properties") or {}
            yield f"{logical_id}{name}", _mapping(logical_id, event["Type"], properties)


def _mapping(logical_id: str, event_type: str, event: Json) -> Json:
    properties: Json = {name: event[name] for name in _SAME_NAME if name in event}
    properties["FunctionName"] = {"Ref": logical_id}
    group = {"ConsumerGroupId": event["ConsumerGroupId"]} if "ConsumerGroupId" in event else {}
    if event_type == "MSK":
        properties["EventSourceArn"] = event.get("Stream")
        properties["AmazonManagedKafkaEventSourceConfig"] = group
    else:
        servers = event.get("KafkaBootstrapServers")
        properties["SelfManagedEventSource"] = {"Endpoints": {"KafkaBootstrapServers": servers}}
        properties["SelfManagedKafkaEventSourceConfig"] = group
    return properties
