"""The partial batch response: which records of a batch a function lists as failed.

Source: Developer Guide, "Configuring error handling controls for Kafka event sources".
"""

from __future__ import annotations

from typing import Any

from lambda_esm.model.event import Records


class MalformedResponse(Exception):
    """The response is not of the documented form, or lists a record that was not in the event."""


def failed_records(response: Any, topic: str, sent: Records) -> Records:
    """Return the records that the response lists, in order.

    Args:
        response: what the function returned.
        topic: of the mapping.
        sent: the records of the event.

    Returns:
        Nothing when the response is empty, null or lists nothing: all have succeeded.

    Raises:
        MalformedResponse: the whole batch has failed.
    """
    if response is None or response == {} or response == "":
        return {}
    if not isinstance(response, dict):
        raise MalformedResponse(f"the response is {type(response).__name__}, not a JSON object")
    listed = response.get("batchItemFailures")
    if not listed:
        return {}
    if not isinstance(listed, list):
        raise MalformedResponse(f"batchItemFailures is {type(listed).__name__}, not a list")
    wanted = {_position(item) for item in listed}
    names = {f"{topic}-{number}": number for number in sent}
    found = {
        number: [record for record in sent[number] if (name, record.offset) in wanted]
        for name, number in names.items()
    }
    if sum(map(len, found.values())) != len(wanted):
        raise MalformedResponse("an itemIdentifier names a record that was not in the event")
    return {number: records for number, records in found.items() if records}


def _position(item: Any) -> tuple[str, int]:
    try:
        identifier = item["itemIdentifier"]
        partition, offset = identifier["partition"], identifier["offset"]
    except (TypeError, KeyError):
        raise MalformedResponse("an itemIdentifier lacks its partition or offset") from None
    if not isinstance(partition, str) or not isinstance(offset, int) or isinstance(offset, bool):
        raise MalformedResponse("an itemIdentifier's partition or offset is of the wrong type")
    return partition, offset
