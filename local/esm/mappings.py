"""The event source mappings of a template, checked as Lambda checks them when one is created.

Limits and defaults: Lambda API reference, ``CreateEventSourceMapping``, and the Developer Guide,
"Configuring the Kafka event source".
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from typing import Any, Final, Literal, NoReturn

import msgspec

from local.esm.errors import TemplateError, Unresolved
from local.esm.event import Source
from local.esm.filters import Filter
from local.esm.functions import Function
from local.esm.intrinsics import ACCOUNT, Resolver, region
from local.esm.patterns import PatternError
from local.esm.sam_events import kafka_events
from local.esm.template import Json

Position = Literal["TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"]

KIND: Final = "AWS::Lambda::EventSourceMapping"
DEFAULT_WINDOW_S: Final = 0.5
# With an on-failure destination, "infinite" ends after this many retries.
RETRIES_WITH_DESTINATION: Final = 10
_LONGEST_TIMEOUT_S: Final = 14 * 60
_OF_THE_CLUSTER: Final[dict[str, Any]] = {
    "EventSourceArn": f"arn:aws:kafka:{region()}:{ACCOUNT}:cluster/local",
    "SelfManagedEventSource": {"Endpoints": {}},
    "SourceAccessConfigurations": [],
}
_NAMESPACE: Final = uuid.UUID("6f1c1f0e-0d54-5a55-9e0b-0f5d5a3a1c55")
_GROUP_ID: Final = re.compile(r"[a-zA-Z0-9\-/*:_+=.@]{1,200}")
_DESTINATION: Final = re.compile(
    r"kafka://[^.][a-zA-Z0-9\-_.]{0,248}|arn:(aws[a-z-]*):(sqs|sns|s3):.+"
)


class Pollers(msgspec.Struct, frozen=True):
    """Provisioned mode's bounds on how many pollers share the partitions."""

    minimum: int = 1
    maximum: int = 200


class Mapping(msgspec.Struct, frozen=True, kw_only=True):
    """One event source mapping.

    Attributes:
        logical_id: its name in the template; for a SAM event, function and event joined.
        uuid: the same at each start, from the names of function, mapping and topic.
        function: what it invokes.
        topic: what it reads.
        servers: ``host:port`` list of the brokers, as events name them.
        source_arn: ARN of the MSK cluster; None for self-managed Kafka.
        batch_size: most records in one invocation.
        window_s: how long a batch may fill, from its first record on.
        start, start_timestamp_ms: where a new group begins.
        group_id: the consumer group.
        retries: re-invocations of a failed batch; None is without end.
        record_age_s: records older than this are not sent; None for any age.
        bisect: whether a failed batch is halved.
        partial: whether the answer may list the records that failed.
        destination: where records go that were given up; empty for nowhere.
        filters: patterns of which a record must match one; empty for all records.
        pollers: provisioned mode's limits; None in on-demand mode.
        access: ``SourceAccessConfigurations`` as (type, URI).
    """

    logical_id: str
    uuid: str
    function: Function
    topic: str
    servers: tuple[str, ...]
    source_arn: str | None = None
    batch_size: int = 100
    window_s: float = DEFAULT_WINDOW_S
    start: Position = "TRIM_HORIZON"
    start_timestamp_ms: int | None = None
    group_id: str
    retries: int | None = None
    record_age_s: int | None = None
    bisect: bool = False
    partial: bool = False
    destination: str = ""
    filters: tuple[str, ...] = ()
    pollers: Pollers | None = None
    access: tuple[tuple[str, str], ...] = ()

    @property
    def source(self) -> Source:
        """What its events say of where they come from."""
        return Source.of_cluster(self.topic, self.servers, self.source_arn)


def mappings_of(
    template: Json,
    resolver: Resolver,
    functions: dict[str, Function],
    servers: str | None,
) -> list[Mapping]:
    """The enabled Kafka mappings of a template.

    Args:
        template: as read.
        resolver: for its intrinsic functions.
        functions: by logical id.
        servers: brokers to use instead of those the template names.

    Raises:
        TemplateError: one of them is not what Lambda accepts.
    """
    found = [
        _Reader(logical_id, _resolved(properties, resolver, servers), functions, servers).mapping()
        for logical_id, properties in _declared(template, resolver)
    ]
    mappings = [mapping for mapping in found if mapping is not None]
    _check_unique(mappings)
    return mappings


def _declared(template: Json, resolver: Resolver) -> Iterable[tuple[str, Json]]:
    """Logical id and raw properties of every Kafka mapping, in the template's order."""
    for logical_id, resource in template["Resources"].items():
        if not resolver.exists(resource):
            continue
        properties = resource.get("Properties") or {}
        if resource.get("Type") == "AWS::Serverless::Function":
            yield from kafka_events(logical_id, resource)
        elif resource.get("Type") == KIND and _is_kafka(properties):
            yield logical_id, properties


def _is_kafka(properties: Json) -> bool:
    """Queues and streams have mappings, too."""
    kafka_members = ("Topics", "SelfManagedEventSource", "AmazonManagedKafkaEventSourceConfig")
    return any(name in properties for name in kafka_members)


def _resolved(properties: Json, resolver: Resolver, servers: str | None) -> Json:
    """The properties without intrinsic functions.

    With brokers from the command line, the template's own and their credentials may stay unknown:
    they are those of a cluster that is not used.
    """
    if not servers:
        return dict(resolver.resolve(properties))
    resolver.default_parameters(properties.get("SelfManagedEventSource"), servers)
    resolved = {}
    for name, value in properties.items():
        try:
            resolved[name] = resolver.resolve(value)
        except Unresolved:
            if name not in _OF_THE_CLUSTER:
                raise
            resolved[name] = _OF_THE_CLUSTER[name]
    return resolved


class _Reader:
    """Reads the properties of one mapping."""

    def __init__(
        self,
        logical_id: str,
        properties: Json,
        functions: dict[str, Function],
        servers: str | None,
    ) -> None:
        self._id = logical_id
        self._properties = properties
        self._functions = functions
        self._servers = servers

    def mapping(self) -> Mapping | None:
        """The mapping, or None when it is not enabled."""
        if str(self._properties.get("Enabled", True)).lower() == "false":
            return None
        function = self._function()
        topic = self._topic()
        pollers = self._pollers()
        destination = self._destination(topic)
        return Mapping(
            logical_id=self._id,
            uuid=self._uuid(function, topic),
            function=function,
            topic=topic,
            servers=self._bootstrap(),
            source_arn=self._properties.get("EventSourceArn"),
            batch_size=self._number("BatchSize", 1, 10_000, 100),
            window_s=self._window(),
            start=self._start(),
            start_timestamp_ms=self._start_timestamp(),
            group_id=self._group(function, topic),
            retries=self._retries(destination),
            record_age_s=self._age(),
            bisect=self._flag("BisectBatchOnFunctionError"),
            partial=self._partial(),
            destination=destination,
            filters=self._filters(),
            pollers=pollers,
            access=self._access(),
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
        return Function(logical_id=bare, name=bare)

    def _topic(self) -> str:
        topics = self._properties.get("Topics")
        if not isinstance(topics, list) or len(topics) != 1 or not topics[0]:
            self._refuse("Topics must name exactly one topic.")
        return str(topics[0])

    def _bootstrap(self) -> tuple[str, ...]:
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
            return DEFAULT_WINDOW_S
        return float(self._number("MaximumBatchingWindowInSeconds", 0, 300, 0))

    def _start(self) -> Position:
        start = self._properties.get("StartingPosition")
        if start not in ("TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"):
            self._refuse("StartingPosition must be TRIM_HORIZON, LATEST or AT_TIMESTAMP.")
        position: Position = start
        return position

    def _start_timestamp(self) -> int | None:
        stamp = self._properties.get("StartingPositionTimestamp")
        if self._properties.get("StartingPosition") != "AT_TIMESTAMP":
            return None
        try:
            return int(float(stamp) * 1000)  # type: ignore[arg-type] # None is refused below
        except (TypeError, ValueError):
            self._refuse("AT_TIMESTAMP needs StartingPositionTimestamp in Unix seconds.")

    def _group(self, function: Function, topic: str) -> str:
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
        return str(uuid.uuid5(_NAMESPACE, f"{function.name}/{self._id}/{topic}"))

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

    def _partial(self) -> bool:
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

    def _pollers(self) -> Pollers | None:
        config = self._properties.get("ProvisionedPollerConfig")
        if not config:
            return None
        minimum = self._within(config, "MinimumPollers", 1, 200, 1)
        maximum = self._within(config, "MaximumPollers", 1, 2000, 200)
        if minimum > maximum:
            self._refuse("MinimumPollers must not be more than MaximumPollers.")
        return Pollers(minimum, maximum)

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
        raise TemplateError(f"{self._id}: {reason}")


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
