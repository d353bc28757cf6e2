"""One assigned partition, and a batch that was cut from several."""

from __future__ import annotations

from lambda_esm.model.event import KafkaMessage


class Partition:
    """One assigned partition: what was read and waits, and whether a batch is out.

    Attributes:
        number: the partition's.
        owned: false once it goes to another member; then nothing of it is sent again.
        busy: whether a batch of it is out.
        paused: whether fetching is paused.
        waiting: messages read, in order.
        waiting_bytes: their values' size.
        waiting_since: monotonic time at which the first of them began to wait.
        next_offset: the one after the last message read; None before the first.
        settled: all before this offset is settled and not yet committed; None when nothing is.
    """

    __slots__ = (
        "busy",
        "next_offset",
        "number",
        "owned",
        "paused",
        "settled",
        "waiting",
        "waiting_bytes",
        "waiting_since",
    )

    def __init__(self, number: int) -> None:
        self.number = number
        self.owned = True
        self.busy = False
        self.paused = False
        self.waiting: list[KafkaMessage] = []
        self.waiting_bytes = 0
        self.waiting_since = 0.0
        self.next_offset: int | None = None
        self.settled: int | None = None


class Batch:
    """Messages that leave together.

    Attributes:
        messages: by partition.
        partitions: where they came from, by number.
        end_offsets: for each partition, the offset to commit when all of the batch is settled.
        revoked: partitions that went to another member before all of them was settled.
    """

    __slots__ = ("end_offsets", "messages", "partitions", "revoked")

    def __init__(self) -> None:
        self.messages: dict[int, list[KafkaMessage]] = {}
        self.partitions: dict[int, Partition] = {}
        self.end_offsets: dict[int, int] = {}
        self.revoked: set[int] = set()

    @property
    def owned(self) -> bool:
        """Whether all of its partitions are still ours."""
        return all(partition.owned for partition in self.partitions.values())
