"""One assigned partition, and a batch that was cut from several."""

from __future__ import annotations

from lambda_esm.model.event import KafkaRecord


class Partition:
    """One assigned partition: what was read and waits, and whether a batch is out.

    Attributes:
        number: the partition.
        owned: false once it has to go to another member: then nothing of it is sent again.
        busy: whether a batch of it is out.
        paused: whether the broker is not asked for more.
        waiting: records read, in order.
        waiting_bytes: their values' size.
        since: monotonic time at which the first of them began to wait.
        next_offset: the one after the last record read; None before the first.
        settled: all before this offset is settled and not yet committed; None when nothing is.
    """

    __slots__ = (
        "busy",
        "next_offset",
        "number",
        "owned",
        "paused",
        "settled",
        "since",
        "waiting",
        "waiting_bytes",
    )

    def __init__(self, number: int) -> None:
        self.number = number
        self.owned = True
        self.busy = False
        self.paused = False
        self.waiting: list[KafkaRecord] = []
        self.waiting_bytes = 0
        self.since = 0.0
        self.next_offset: int | None = None
        self.settled: int | None = None


class Batch:
    """Records that leave together.

    Attributes:
        records: by partition.
        partitions: where they came from, by number.
        ends: for each partition, the offset to commit when all of it is settled.
        left: partitions that went to another member before all of them was settled.
    """

    __slots__ = ("ends", "left", "partitions", "records")

    def __init__(self) -> None:
        self.records: dict[int, list[KafkaRecord]] = {}
        self.partitions: dict[int, Partition] = {}
        self.ends: dict[int, int] = {}
        self.left: set[int] = set()

    @property
    def owned(self) -> bool:
        """Whether all of its partitions are still ours."""
        return all(partition.owned for partition in self.partitions.values())
