"""From the properties of one mapping to a :class:`Mapping`, checked as Lambda checks them.

Limits and defaults: Lambda API reference, ``CreateEventSourceMapping``, and the Developer Guide,
"Configuring the Kafka event source".
"""

from __future__ import annotations

import re
import time
import uuid
from typing import Any, Final, NoReturn

from lambda_esm.errors import TemplateError
from lambda_esm.filter.filters import Filter
from lambda_esm.filter.patterns import PatternError
from lambda_esm.model.function import Function
from lambda_esm.model.mapping import (
    DEFAULT_BATCHING_WINDOW_S,
    RETRIES_WITH_DESTINATION,
    Mapping,
    ProvisionedPollers,
    StartingPosition,
)
from lambda_esm.template.document import Json

_LONGEST_TIMEOUT_S: Final = 14 * 60
_NAMESPACE: Final = uuid.UUID("6f1c1f0e-0d54-5a55-9e0b-0f5d5a3a1c55")
_POLLER_GROUP: Final = re.compile(r"[a-zA-Z0-9\-_]{0,128}")
_GROUP_ID: Final = re.compile(r"[ a-zA-Z0-9\-/*:_+=.@]{1,200}")
_DESTINATION: Final = re.compile(
    r"kafka://[^.][a-zA-Z0-9\-_.]{0,248}|arn:(aws[a-z-]*):(sqs|sns|s3):.+"
)
_TOPIC: Final = re.compile(r"[^.][a-zA-Z0-9\-_.]{0,248}")


class MappingReader:
    """The properties of one mapping, to be checked and read.

    Args:
        logical_id: its name in the template; errors begin with it.
        properties: without intrinsic functions.
        functions: of the template, by logical id.
        servers: brokers to use instead of those of the properties.
    """

    def __init__(
        self,
        logical_id: str,
        properties: Json,
        functions: dict[str, Function],
        servers: str | None,
    ) -> None:
        self._logical_id = logical_id
        self._properties = properties
        self._functions = functions
        self._servers = servers

    def mapping(self) -> Mapping | None:
        """Return the mapping, or None when it is not enabled."""
        if str(self._properties.get("Enabled", True)).lower() == "false":
            return None
        function = self._function()
        topic = self._topic()
        pollers = self._pollers()
        destination = self._destination(topic)
        return Mapping(
            logical_id=self._logical_id,
            uuid=self._uuid(function, topic),
            function=function,
            topic=topic,
            bootstrap_servers=self._bootstrap_servers(),
            event_source_arn=self._properties.get("EventSourceArn"),
            batch_size=self._number("BatchSize", 1, 10_000, 100),
            batching_window_s=self._window(),
            starting_position=self._starting_position(),
            starting_position_timestamp_ms=self._starting_timestamp_ms(),
            group_id=self._group_id(function, topic),
            maximum_retry_attempts=self._retries(destination),
            maximum_record_age_s=self._age(),
            bisect_batch_on_error=self._flag("BisectBatchOnFunctionError"),
            report_batch_item_failures=self._reports_failures(),
            destination=destination,
            filters=self._filters(),
            pollers=pollers,
            source_access_configurations=self._access(),
        )

    def _function(self) -> Function:
        name = str(self._properties.get("FunctionName") or "")
        if not name:
            self._refuse("FunctionName is missing.")
        # A full ARN has the name in its seventh part; an alias or version may follow.
        bare = name.split(":")[6] if name.startswith("arn:") else name.split(":")[0]
        for function in self._functions.values():
            if function.name == bare:
                if function.timeout_s > _LONGEST_TIMEOUT_S:
                    self._refuse(
                        f"the function {bare} has a timeout of {function.timeout_s} s; "
                        f"with a Kafka event source it may be at most {_LONGEST_TIMEOUT_S} s."
                    )
                return function
        # Defined elsewhere: how long it may take is not known here.
        return Function(logical_id=bare, name=bare, timeout_s=_LONGEST_TIMEOUT_S)

    def _topic(self) -> str:
        topics = self._properties.get("Topics")
        if not isinstance(topics, list) or len(topics) != 1 or not topics[0]:
            self._refuse("Topics must name exactly one topic.")
        if not _TOPIC.fullmatch(str(topics[0])):
            self._refuse(f"{topics[0]!r} cannot be the name of a topic.")
        return str(topics[0])

    def _bootstrap_servers(self) -> tuple[str, ...]:
        managed = self._properties.get("EventSourceArn")
        own = self._properties.get("SelfManagedEventSource")
        if bool(managed) == bool(own):
            self._refuse("exactly one of EventSourceArn and SelfManagedEventSource is needed.")
        if self._servers:
            return tuple(self._servers.split(","))
        if not own:
            self._refuse("pass --bootstrap-servers: an ARN does not say where the brokers are.")
        endpoints = own.get("Endpoints") or {}
        listed = endpoints.get("KafkaBootstrapServers") or endpoints.get("KAFKA_BOOTSTRAP_SERVERS")
        if not isinstance(listed, list) or not 1 <= len(listed) <= 10:
            self._refuse("KafkaBootstrapServers must list 1 to 10 brokers as host:port.")
        return tuple(listed)

    def _window(self) -> float:
        if self._properties.get("MaximumBatchingWindowInSeconds") is None:
            return DEFAULT_BATCHING_WINDOW_S
        return float(self._number("MaximumBatchingWindowInSeconds", 0, 300, 0))

    def _starting_position(self) -> StartingPosition:
        start = self._properties.get("StartingPosition")
        if start not in ("TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"):
            self._refuse("StartingPosition must be TRIM_HORIZON, LATEST or AT_TIMESTAMP.")
        position: StartingPosition = start
        return position

    def _starting_timestamp_ms(self) -> int | None:
        stamp = self._properties.get("StartingPositionTimestamp")
        if self._properties.get("StartingPosition") != "AT_TIMESTAMP":
            return None
        try:
            seconds = float(str(stamp))
        except ValueError:
            self._refuse("AT_TIMESTAMP needs StartingPositionTimestamp in Unix seconds.")
        if seconds > time.time():
            self._refuse("StartingPositionTimestamp must not be in the future.")
        return int(seconds * 1000)

    def _group_id(self, function: Function, topic: str) -> str:
        config = (
            self._properties.get("AmazonManagedKafkaEventSourceConfig")
            or self._properties.get("SelfManagedKafkaEventSourceConfig")
            or {}
        )
        if config.get("ConsumptionMode", "Stream") != "Stream":
            self._refuse("ConsumptionMode Queue (share groups) is not supported here.")
        if config.get("SchemaRegistryConfig"):
            self._refuse("SchemaRegistryConfig is not supported here.")
        given = config.get("ConsumerGroupId")
        if given is None:
            return self._uuid(function, topic)
        if not _GROUP_ID.fullmatch(str(given)):
            self._refuse(f"ConsumerGroupId {given!r} has a character or length Lambda refuses.")
        return str(given)

    def _uuid(self, function: Function, topic: str) -> str:
        return str(uuid.uuid5(_NAMESPACE, f"{function.name}/{self._logical_id}/{topic}"))

    def _retries(self, destination: str) -> int | None:
        retries = self._number("MaximumRetryAttempts", -1, 10_000, -1)
        if retries >= 0:
            return retries
        return RETRIES_WITH_DESTINATION if destination else None

    def _age(self) -> int | None:
        age = self._number("MaximumRecordAgeInSeconds", -1, 604_800, -1)
        if 0 <= age < 60:
            self._refuse("MaximumRecordAgeInSeconds must be -1, or 60 to 604800.")
        return None if age < 0 else age

    def _reports_failures(self) -> bool:
        types = self._properties.get("FunctionResponseTypes") or []
        if types not in ([], ["ReportBatchItemFailures"]):
            self._refuse("FunctionResponseTypes can only be [ReportBatchItemFailures].")
        return bool(types)

    def _destination(self, topic: str) -> str:
        config = self._properties.get("DestinationConfig") or {}
        if config.get("OnSuccess"):
            self._refuse("an event source mapping has no OnSuccess destination.")
        destination = str((config.get("OnFailure") or {}).get("Destination") or "")
        if destination and not _DESTINATION.fullmatch(destination):
            self._refuse(f"the destination {destination} is not SQS, SNS, S3 or kafka://topic.")
        if destination == f"kafka://{topic}":
            self._refuse("the on-failure topic must not be the topic that the mapping reads.")
        return destination

    def _filters(self) -> tuple[str, ...]:
        filters = (self._properties.get("FilterCriteria") or {}).get("Filters") or []
        if len(filters) > 10:
            self._refuse("FilterCriteria can have at most 10 filters.")
        patterns = tuple(str(item.get("Pattern") or "{}") for item in filters)
        try:
            Filter(patterns)
        except PatternError as error:
            self._refuse(f"FilterCriteria: {error}.")
        return patterns

    def _pollers(self) -> ProvisionedPollers | None:
        config = self._properties.get("ProvisionedPollerConfig")
        if not config:
            return None
        minimum = self._within(config, "MinimumPollers", 1, 200, 1)
        maximum = self._within(config, "MaximumPollers", 1, 2000, 200)
        group = str(config.get("PollerGroupName") or "")
        if not _POLLER_GROUP.fullmatch(group):
            self._refuse(f"PollerGroupName {group!r} has a character or length Lambda refuses.")
        if minimum > maximum:
            self._refuse("MinimumPollers must not be more than MaximumPollers.")
        return ProvisionedPollers(minimum, maximum)

    def _access(self) -> tuple[tuple[str, str], ...]:
        listed = self._properties.get("SourceAccessConfigurations") or []
        return tuple((str(item.get("Type")), str(item.get("URI") or "")) for item in listed)

    def _flag(self, name: str) -> bool:
        return str(self._properties.get(name, False)).lower() == "true"

    def _number(self, name: str, low: int, high: int, default: int) -> int:
        return self._within(self._properties, name, low, high, default)

    def _within(self, properties: Json, name: str, low: int, high: int, default: int) -> int:
        value: Any = properties.get(name)
        if value is None:
            return default
        try:
            number = int(str(value))
        except ValueError:
            self._refuse(f"{name} must be a whole number, not {value!r}.")
        if not low <= number <= high:
            self._refuse(f"{name} must be from {low} to {high}, not {number}.")
        return number

    def _refuse(self, reason: str) -> NoReturn:
        raise TemplateError(f"{self._logical_id}: {reason}")
