"""One event source mapping, as the rest of the program knows it."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from lambda_esm.model.event import Source
from lambda_esm.model.function import Function

Position = Literal["TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"]
# KIP-848's protocol, or the one before it.
GroupProtocol = Literal["consumer", "classic"]

DEFAULT_WINDOW_S: Final = 0.5
# With an on-failure destination, "infinite" ends after this many retries.
RETRIES_WITH_DESTINATION: Final = 10


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
