"""The partial batch response: which records of a batch a function lists as failed.

Source: Developer Guide, "Configuring error handling controls for Kafka event sources".
"""

from __future__ import annotations

from typing import Any

from lambda_esm.model.event import Rows


class MalformedAnswer(Exception):
    """The answer lists something that was not in the event: the whole batch has failed."""


def failed_records(answer: Any, topic: str, sent: Rows) -> Rows:
    """The records that the answer lists, in order.

    Args:
        answer: what the function returned.
        topic: of the mapping.
        sent: the records of the event.

    Returns:
        Nothing when the answer is empty, null or lists nothing: all have succeeded.

    Raises:
        MalformedAnswer: an identifier is not of the documented form, or names no record sent.
    """
    if answer is None or answer == {} or answer == "":
        return {}
    listed = answer.get("batchItemFailures") if isinstance(answer, dict) else _bad(answer)
    if not listed:
        return {}
    if not isinstance(listed, list):
        _bad(listed)
    wanted = {_position(item) for item in listed}
    names = {f"{topic}-{number}": number for number in sent}
    found = {
        number: [row for row in sent[number] if (name, row[0]) in wanted]
        for name, number in names.items()
    }
    if sum(map(len, found.values())) != len(wanted):
        raise MalformedAnswer("an itemIdentifier names a record that was not in the event")
    return {number: rows for number, rows in found.items() if rows}


def _position(item: Any) -> tuple[str, int]:
    try:
        identifier = item["itemIdentifier"]
        partition, offset = identifier["partition"], identifier["offset"]
    except (TypeError, KeyError):
        raise MalformedAnswer("an itemIdentifier lacks its partition or offset") from None
    if not isinstance(partition, str) or not isinstance(offset, int) or isinstance(offset, bool):
        raise MalformedAnswer("an itemIdentifier's partition or offset is of the wrong type")
    return partition, offset


def _bad(answer: Any) -> Any:
    raise MalformedAnswer(f"the answer is {type(answer).__name__}, not an object with failures")
