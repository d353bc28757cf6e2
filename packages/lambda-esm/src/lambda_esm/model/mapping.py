"""One event source mapping, as the rest of the program knows it."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from lambda_esm.model.event import EventSource
from lambda_esm.model.function import Function

StartingPosition = Literal["TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"]
# KIP-848's protocol of consumer groups, or the one before it.
GroupProtocol = Literal["consumer", "classic"]

DEFAULT_BATCHING_WINDOW_S: Final = 0.5
# With an on-failure destination, "infinite" ends after this many retries.
RETRIES_WITH_DESTINATION: Final = 10


class ProvisionedPollers(msgspec.Struct, frozen=True):
    """Provisioned mode's bounds on how many pollers share the partitions."""

    minimum: int = 1
    maximum: int = 200


class Mapping(msgspec.Struct, frozen=True, kw_only=True):
    """One event source mapping; the names are those of ``CreateEventSourceMapping``.

    Attributes:
        logical_id: its name in the template; for a SAM event, function and event joined.
        uuid: made of the names of function, mapping and topic, so it is the same at each start.
        function: what it invokes.
        topic: what it reads.
        bootstrap_servers: ``host:port`` list of the brokers, as events name them.
        event_source_arn: ARN of the MSK cluster; None for self-managed Kafka.
        batch_size: most records in one invocation.
        batching_window_s: seconds a batch may fill, from its first record on.
        starting_position: where a new consumer group begins.
        starting_position_timestamp_ms: with AT_TIMESTAMP, Unix time in milliseconds.
        group_id: the consumer group.
        maximum_retry_attempts: re-invocations of a failed batch; None is without end.
        maximum_record_age_s: older records are not sent; None for any age.
        bisect_batch_on_error: whether a failed batch is halved.
        report_batch_item_failures: whether the response may list the records that failed.
        destination: where discarded records go; empty for nowhere.
        filters: patterns of which a record must match one; empty for all records.
        pollers: provisioned mode's limits; None in on-demand mode.
        source_access_configurations: pairs of type and URI.
    """

    logical_id: str
    uuid: str
    function: Function
    topic: str
    bootstrap_servers: tuple[str, ...]
    event_source_arn: str | None = None
    batch_size: int = 100
    batching_window_s: float = DEFAULT_BATCHING_WINDOW_S
    starting_position: StartingPosition = "TRIM_HORIZON"
    starting_position_timestamp_ms: int | None = None
    group_id: str
    maximum_retry_attempts: int | None = None
    maximum_record_age_s: int | None = None
    bisect_batch_on_error: bool = False
    report_batch_item_failures: bool = False
    destination: str = ""
    filters: tuple[str, ...] = ()
    pollers: ProvisionedPollers | None = None
    source_access_configurations: tuple[tuple[str, str], ...] = ()

    @property
    def event_source(self) -> EventSource:
        """What its events say of where they come from."""
        return EventSource.of_cluster(self.topic, self.bootstrap_servers, self.event_source_arn)
