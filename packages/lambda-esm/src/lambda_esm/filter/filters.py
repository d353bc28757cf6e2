"""FilterCriteria: which records reach the function.

Source: Developer Guide, "Event filtering with Amazon MSK and self-managed Apache Kafka". The value
is matched as JSON where both it and the pattern are JSON objects, as a string where both are
strings; otherwise only the rest of the pattern counts. Key and headers are matched here too, which
AWS does not promise.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME

from lambda_esm.filter.patterns import (
    MISSING,
    JsonNumber,
    PatternError,
    Predicate,
    compile_leaf,
    compile_pattern,
    read_json,
)
from lambda_esm.model.event import KafkaMessage

# Members of a record that hold data: text, or JSON, or neither.
_DATA: Final = ("value", "key")
_UNREADABLE: Final = object()
_LONGEST_PATTERN: Final = 4096


class Filter:
    """One or more patterns, of which a record must match one.

    Raises:
        PatternError: a pattern is not JSON, too long, or not in the pattern language.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self._tests = [_compile(text) for text in patterns]

    def matches(self, message: KafkaMessage) -> bool:
        """Return whether the record is for the function."""
        document = _document(message)
        return any(test(document) for test in self._tests)


def _compile(text: str) -> Predicate:
    if len(text) > _LONGEST_PATTERN:
        raise PatternError(f"a pattern has at most {_LONGEST_PATTERN} characters")
    try:
        pattern = read_json(text)
    except ValueError as error:
        raise PatternError(f"the pattern {text!r} is not JSON: {error}") from None
    if not isinstance(pattern, dict):
        raise PatternError("a pattern must be a JSON object")
    data = [_data_test(name, pattern.pop(name)) for name in _DATA if name in pattern]
    rest = compile_pattern(pattern)
    return lambda document: rest(document) and all(test(document) for test in data)


def _data_test(name: str, wanted: Any) -> Predicate:
    if isinstance(wanted, dict):
        structured = compile_pattern(wanted)
        return lambda document: _fits(structured, document[name], types=(dict, list))
    plain = compile_leaf(wanted)
    return lambda document: _fits(plain, document[name], types=(str,))


def _fits(test: Predicate, data: Any, *, types: tuple[type, ...]) -> bool:
    """Return whether the data passes the test; data of other types than ``types`` always do."""
    if data is MISSING:
        return test(MISSING)
    if not isinstance(data, types):
        return True
    return any(map(test, data)) if isinstance(data, list) else test(data)


def _document(message: KafkaMessage) -> dict[str, Any]:
    timestamp_type, timestamp_ms = message.timestamp()
    return {
        "topic": message.topic(),
        "partition": JsonNumber(message.partition()),
        "offset": JsonNumber(message.offset()),
        "timestamp": JsonNumber(timestamp_ms),
        "timestampType": "LOG_APPEND_TIME"
        if timestamp_type == TIMESTAMP_LOG_APPEND_TIME
        else "CREATE_TIME",
        "key": _readable(message.key()),
        "value": _readable(message.value()),
        "headers": [{name: _header(raw)} for name, raw in message.headers() or ()],
    }


def _readable(raw: bytes | None) -> Any:
    """Return a JSON object or array, else text, else a mark that passes every data pattern."""
    if raw is None:
        return MISSING
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return _UNREADABLE
    if text.lstrip()[:1] not in ("{", "["):
        return text
    try:
        return read_json(text)
    except ValueError:
        return text


def _header(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode(errors="replace")
