"""librdkafka's statistics (STATISTICS.md): what the group knows of this member, and the lag."""

from __future__ import annotations

import json
from typing import Any, NamedTuple


class GroupState(NamedTuple):
    """The state of a consumer.

    Attributes:
        is_member: whether it belongs to its group, and no rebalance is under way.
        assigned: how many partitions it has.
        lags: for each partition, the records after the last settled one.
    """

    is_member: bool
    assigned: int
    lags: dict[int, int]


def read_statistics(text: str, topic: str) -> GroupState:
    """Return what one report says of the group and of one topic."""
    report = json.loads(text)
    group = report.get("cgrp") or {}
    partitions = (report.get("topics", {}).get(topic) or {}).get("partitions", {})
    return GroupState(
        group.get("state") == "up" and group.get("join_state") == "steady",
        group.get("assignment_size", 0),
        {int(number): _lag(partition) for number, partition in partitions.items()},
    )


def _lag(partition: dict[str, Any]) -> int:
    """Return the lag; numbers that are not known yet are below zero in a report."""
    settled = [partition[f"{name}_offset"] for name in ("stored", "committed", "lo")]
    return max(0, int(partition["hi_offset"]) - max(0, *map(int, settled)))
