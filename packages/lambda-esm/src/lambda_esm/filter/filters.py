"""FilterCriteria: which records reach the function at all.

Source: Developer Guide, "Event filtering with Amazon MSK and self-managed Apache Kafka". The value
is matched as JSON where both it and the pattern are JSON objects, as a string where both are
strings; otherwise only the rest of the pattern counts. Key and headers are matched here too, which
AWS does not promise.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from lambda_esm.filter.patterns import (
    MISSING,
    Number,
    PatternError,
    Test,
    compile_leaf,
    compile_pattern,
    read_json,
)
from lambda_esm.model.event import KafkaRecord

# Members of a record that hold data: text, or JSON, or neither.
_DATA: Final = ("value", "key")
_UNREADABLE: Final = object()
_LONGEST_PATTERN: Final = 4096


class Filter:
    """Decides whether a record matches one of several patterns.

    Raises:
        PatternError: a pattern is not JSON, too long, or not in the pattern language.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self._tests = [_compile(text) for text in patterns]

    def __call__(self, record: KafkaRecord) -> bool:
        """Whether the record is for the function."""
        document = _document(record)
        return any(test(document) for test in self._tests)


def _compile(text: str) -> Test:
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


def _data_test(name: str, wanted: Any) -> Test:
    if isinstance(wanted, dict):
        structured = compile_pattern(wanted)
        return lambda document: _fits(structured, document[name], kinds=(dict, list))
    plain = compile_leaf(wanted)
    return lambda document: _fits(plain, document[name], kinds=(str,))


def _fits(test: Test, data: Any, *, kinds: tuple[type, ...]) -> bool:
    """What is of another kind than the pattern is not judged by it."""
    if data is MISSING:
        return test(MISSING)
    if not isinstance(data, kinds):
        return True
    return any(map(test, data)) if isinstance(data, list) else test(data)


def _document(record: KafkaRecord) -> dict[str, Any]:
    kind, timestamp = record.timestamp()
    return {
        "topic": record.topic(),
        "partition": Number(record.partition()),
        "offset": Number(record.offset()),
        "timestamp": Number(timestamp),
        "timestampType": "LOG_APPEND_TIME" if kind == 2 else "CREATE_TIME",
        "key": _readable(record.key()),
        "value": _readable(record.value()),
        "headers": [{name: _header(raw)} for name, raw in record.headers() or ()],
    }


def _readable(raw: bytes | None) -> Any:
    """A JSON object or array, else text, else what no data pattern judges."""
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
