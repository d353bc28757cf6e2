"""Event patterns: EventBridge's pattern language, as event source mappings use it.

Source: Developer Guide, "Filter rule syntax", and the EventBridge User Guide, "Comparison
operators". A number in a pattern equals only the same digits: 300 is not 300.0 there.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

Predicate = Callable[[Any], bool]


class PatternError(Exception):
    """The pattern is not valid; the message says why."""


class JsonNumber(str):
    """A JSON number, kept as it was written."""

    __slots__ = ()


class _Missing:
    """The value of a member that is not there."""


MISSING: Final = _Missing()


def read_json(text: str | bytes) -> Any:
    """Parse JSON, numbers as :class:`JsonNumber`.

    Raises:
        ValueError: it is not JSON.
    """
    return json.loads(text, parse_int=JsonNumber, parse_float=JsonNumber)


def compile_pattern(pattern: Any) -> Predicate:
    """Return a predicate for values of the pattern's shape.

    Raises:
        PatternError: the pattern uses an unknown operator, or has a wrong shape.
    """
    if not isinstance(pattern, dict):
        raise PatternError("a pattern must be a JSON object")
    tests = [_member(name, wanted) for name, wanted in pattern.items()]
    return lambda value: all(test(value) for test in tests)


def compile_leaf(rules: Any) -> Predicate:
    """Return a predicate for a leaf: it, or one of its elements, must fit one of the rules."""
    if not isinstance(rules, list) or not rules:
        raise PatternError("a pattern's leaf must be a list of rules that is not empty")
    tests = [_rule(rule) for rule in rules]
    return lambda value: any(test(value) for test in tests)


def _member(name: str, wanted: Any) -> Predicate:
    if name == "$or":
        if not isinstance(wanted, list) or len(wanted) < 2:
            raise PatternError("$or needs a list of at least two patterns")
        choices = [compile_pattern(choice) for choice in wanted]
        return lambda value: any(choice(value) for choice in choices)
    if isinstance(wanted, dict):
        inner = compile_pattern(wanted)
        return lambda value: _any_object(inner, _get(value, name))
    leaf = compile_leaf(wanted)
    return lambda value: leaf(_get(value, name))


def _get(value: Any, name: str) -> Any:
    return value.get(name, MISSING) if isinstance(value, dict) else MISSING


def _any_object(test: Predicate, value: Any) -> bool:
    """Return whether an object fits, or one of an array of objects."""
    return any(map(test, value)) if isinstance(value, list) and value else test(value)


def _rule(rule: Any) -> Predicate:
    if not isinstance(rule, dict):
        if isinstance(rule, list):
            raise PatternError("a rule cannot be a list")
        return _each(lambda value: _same(rule, value))
    if len(rule) != 1:
        raise PatternError("a rule has exactly one operator")
    name, argument = next(iter(rule.items()))
    if name == "exists":
        return _exists(argument)
    if name not in _OPERATORS:
        raise PatternError(f"{name} is not an operator")
    return _each(_OPERATORS[name](argument))


def _each(test: Predicate) -> Predicate:
    """Return a predicate that tests leaves only; one element of an array is enough."""

    def run(value: Any) -> bool:
        if isinstance(value, list):
            return any(map(run, value))
        return value is not MISSING and not isinstance(value, dict) and test(value)

    return run


def _same(wanted: Any, value: Any) -> bool:
    return type(wanted) is type(value) and bool(wanted == value)


def _exists(argument: Any) -> Predicate:
    if not isinstance(argument, bool):
        raise PatternError("exists takes true or false")
    return lambda value: (value is not MISSING and not isinstance(value, dict)) is argument


def _text(argument: Any, operator: str) -> str:
    if not isinstance(argument, str) or isinstance(argument, JsonNumber):
        raise PatternError(f"{operator} takes a string")
    return argument


def _of_text(test: Callable[[str], bool]) -> Predicate:
    return lambda value: type(value) is str and test(value)


def _prefix(argument: Any) -> Predicate:
    folded = isinstance(argument, dict) and argument.get("equals-ignore-case")
    if folded:
        start = _text(folded, "prefix").casefold()
        return _of_text(lambda value: value.casefold().startswith(start))
    exact = _text(argument, "prefix")
    return _of_text(lambda value: value.startswith(exact))


def _suffix(argument: Any) -> Predicate:
    folded = isinstance(argument, dict) and argument.get("equals-ignore-case")
    if folded:
        end = _text(folded, "suffix").casefold()
        return _of_text(lambda value: value.casefold().endswith(end))
    exact = _text(argument, "suffix")
    return _of_text(lambda value: value.endswith(exact))


def _equals_ignore_case(argument: Any) -> Predicate:
    wanted = _text(argument, "equals-ignore-case").casefold()
    return _of_text(lambda value: value.casefold() == wanted)


def _wildcard(argument: Any) -> Predicate:
    text = _text(argument, "wildcard")
    if "**" in text:
        raise PatternError("wildcard cannot have two stars in a row")
    parts = re.findall(r"\\[*\\]|\*|[^*\\]+|\\", text)
    expression = "".join(".*" if part == "*" else re.escape(_unescaped(part)) for part in parts)
    compiled = re.compile(expression, re.DOTALL)
    return _of_text(lambda value: compiled.fullmatch(value) is not None)


def _unescaped(part: str) -> str:
    return part[1:] if part in ("\\*", "\\\\") else part


def _anything_but(argument: Any) -> Predicate:
    if isinstance(argument, dict):
        if len(argument) != 1 or next(iter(argument)) not in _NEGATABLE:
            raise PatternError(f"anything-but takes values, or one of {', '.join(_NEGATABLE)}")
        name, wanted = next(iter(argument.items()))
        listed = wanted if isinstance(wanted, list) else [wanted]
        tests = [_OPERATORS[name](each) for each in listed]
        return lambda value: not any(test(value) for test in tests)
    values = argument if isinstance(argument, list) else [argument]
    return lambda value: not any(_same(each, value) for each in values)


def _numeric(argument: Any) -> Predicate:
    if not isinstance(argument, list) or not argument or len(argument) % 2:
        raise PatternError("numeric takes pairs of a comparison and a number")
    checks = [
        _comparison(operator, limit)
        for operator, limit in zip(argument[::2], argument[1::2], strict=True)
    ]

    def test(value: Any) -> bool:
        return isinstance(value, JsonNumber) and all(check(Decimal(value)) for check in checks)

    return test


def _comparison(operator: Any, limit: Any) -> Callable[[Decimal], bool]:
    if operator not in _COMPARISONS or not isinstance(limit, JsonNumber):
        raise PatternError("numeric takes =, <, <=, > or >=, each with a number")
    compare, bound = _COMPARISONS[operator], Decimal(limit)
    return lambda value: compare(value, bound)


def _cidr(argument: Any) -> Predicate:
    try:
        network = ipaddress.ip_network(_text(argument, "cidr"), strict=False)
    except ValueError:
        raise PatternError(f"{argument} is not an address range") from None

    def test(value: str) -> bool:
        try:
            return ipaddress.ip_address(value) in network
        except ValueError:
            return False

    return _of_text(test)


_NEGATABLE: Final = ("prefix", "suffix", "equals-ignore-case", "wildcard")
_COMPARISONS: Final[dict[str, Callable[[Decimal, Decimal], bool]]] = {
    "=": lambda a, b: a == b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
_OPERATORS: Final[dict[str, Callable[[Any], Predicate]]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _equals_ignore_case,
    "wildcard": _wildcard,
    "anything-but": _anything_but,
    "numeric": _numeric,
    "cidr": _cidr,
}
