"""The pattern language, operator by operator: "Filter rule syntax" of AWS's documentation."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambda_esm.filter.patterns import PatternError, compile_pattern, read_json

EIC = "equals-ignore-case"


def matches(pattern: Any, event: Any) -> bool:
    return compile_pattern(read_json(json.dumps(pattern)))(read_json(json.dumps(event)))


@pytest.mark.parametrize(
    ("rule", "fitting", "others"),
    [
        pytest.param([None], [None], ["", "null", 0, False], id="null"),
        pytest.param([""], [""], [" ", None], id="empty"),
        pytest.param(["Alice"], ["Alice"], ["alice", "Alice "], id="equals"),
        pytest.param([True], [True], [1, "true", False], id="equals a boolean"),
        pytest.param(["a", "b"], ["a", "b"], ["c"], id="or"),
        pytest.param([300], [300], [301, "300"], id="equals a number"),
        pytest.param([{EIC: "alice"}], ["Alice", "ALICE"], ["bob", 1], id="eic"),
        pytest.param(
            [{"numeric": ["=", 100]}], [100, 100.0, 1e2], [99, "100"], id="numeric equals"
        ),
        pytest.param(
            [{"numeric": [">", 10, "<=", 20]}], [10.5, 20, 11], [10, 20.1, "15"], id="numeric range"
        ),
        pytest.param([{"exists": True}], ["", None, 0, [1]], [{"a": 1}], id="exists"),
        pytest.param([{"prefix": "us-"}], ["us-", "us-east"], ["eu-us-", 1, None], id="prefix"),
        pytest.param([{"prefix": {EIC: "US-"}}], ["us-east"], ["eu"], id="prefix eic"),
        pytest.param([{"suffix": ".png"}], ["a.png", ".png"], ["png", ".pngs"], id="suffix"),
        pytest.param([{"suffix": {EIC: ".PNG"}}], ["a.png"], ["a.jpg"], id="suffix eic"),
        pytest.param([{"wildcard": "a*c"}], ["ac", "abc", "a\nc"], ["abcd", "xac"], id="wildcard"),
        pytest.param([{"wildcard": "*.log"}], [".log", "x.log"], ["xlog"], id="wildcard in front"),
        pytest.param([{"wildcard": "a\\*b"}], ["a*b"], ["axb", "a\\*b"], id="an escaped star"),
        pytest.param([{"anything-but": ["a", "b"]}], ["c", 1, ""], ["a", "b"], id="anything-but"),
        pytest.param([{"anything-but": "a"}], ["b"], ["a"], id="anything-but one"),
        pytest.param([{"anything-but": [1, 2]}], [3, "1"], [1, 2], id="anything-but numbers"),
        pytest.param([{"anything-but": {"prefix": "x"}}], ["ax"], ["x", "xa"], id="but prefix"),
        pytest.param([{"anything-but": {"suffix": ["x", "y"]}}], ["xa"], ["ax"], id="but suffix"),
        pytest.param([{"anything-but": {"wildcard": "a*"}}], ["b"], ["ab"], id="but wildcard"),
        pytest.param([{"anything-but": {EIC: "A"}}], ["b"], ["a", "A"], id="but eic"),
        pytest.param([{"cidr": "10.0.0.0/24"}], ["10.0.0.255"], ["10.0.1.0", "x"], id="cidr"),
        pytest.param(["a", {"prefix": "b"}], ["a", "bc"], ["c"], id="rules of different kinds"),
    ],
)  # fmt: skip
def test_an_operator(rule: Any, fitting: list[Any], others: list[Any]) -> None:
    assert [value for value in fitting if not matches({"x": rule}, {"x": value})] == []
    assert [value for value in others if matches({"x": rule}, {"x": value})] == []


def test_numbers_compare_by_their_digits() -> None:
    """ "Filter rule syntax": "300 and 300.0 and 3.0e2 are not considered equal"."""
    test = compile_pattern(read_json('{"x": [300]}'))

    assert test(read_json('{"x": 300}'))
    assert not test(read_json('{"x": 300.0}'))
    assert not test(read_json('{"x": 3.0e2}'))


def test_exists_false_fits_what_is_not_there() -> None:
    assert matches({"a": {"b": [{"exists": False}]}}, {"a": {}})
    assert matches({"a": {"b": [{"exists": False}]}}, {})
    assert not matches({"a": {"b": [{"exists": False}]}}, {"a": {"b": None}})


def test_only_exists_false_fits_what_is_not_there() -> None:
    for rule in ([None], [""], [{"anything-but": "a"}], [{"exists": True}], [{"prefix": ""}]):
        assert not matches({"x": rule}, {"y": 1})


def test_all_members_of_a_pattern_have_to_fit() -> None:
    pattern = {"a": [1], "b": {"c": ["x"]}}

    assert matches(pattern, {"a": 1, "b": {"c": "x", "d": "more"}, "e": "more"})
    assert not matches(pattern, {"a": 1, "b": {"c": "y"}})
    assert not matches(pattern, {"b": {"c": "x"}})


def test_or_takes_one_of_several_patterns() -> None:
    pattern = {"a": [1], "$or": [{"b": [{"exists": True}]}, {"c": {"d": ["x"]}}]}

    assert matches(pattern, {"a": 1, "b": 0})
    assert matches(pattern, {"a": 1, "c": {"d": "x"}})
    assert not matches(pattern, {"a": 1, "c": {"d": "y"}})
    assert not matches(pattern, {"b": 0})


def test_one_element_of_an_array_is_enough() -> None:
    assert matches({"x": ["b"]}, {"x": ["a", "b"]})
    assert matches({"x": {"y": [1]}}, {"x": [{"y": 2}, {"y": 1}]})
    assert not matches({"x": ["c"]}, {"x": ["a", "b"]})
    assert not matches({"x": ["a"]}, {"x": []})


@pytest.mark.parametrize(
    "pattern",
    [
        [],
        "text",
        {"x": "not a list"},
        {"x": []},
        {"x": [[1]]},
        {"x": [{"unknown": 1}]},
        {"x": [{"prefix": "a", "suffix": "b"}]},
        {"x": [{"prefix": 1}]},
        {"x": [{"exists": "true"}]},
        {"x": [{"numeric": [">"]}]},
        {"x": [{"numeric": ["!", 1]}]},
        {"x": [{"numeric": [">", "1"]}]},
        {"x": [{"anything-but": {"numeric": ["=", 1]}}]},
        {"x": [{"cidr": "10.0.0.0/99"}]},
        {"x": [{"wildcard": "a**b"}]},
        {"$or": [{"x": [1]}]},
    ],
    ids=json.dumps,
)
def test_what_is_no_pattern_is_refused(pattern: Any) -> None:
    with pytest.raises(PatternError):
        compile_pattern(read_json(json.dumps(pattern)))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(json_values, st.text())
def test_anything_but_is_the_opposite_of_equals_for_every_leaf(value: Any, text: str) -> None:
    if isinstance(value, (dict, list)):
        return
    assert matches({"x": [text]}, {"x": value}) is not matches(
        {"x": [{"anything-but": text}]}, {"x": value}
    )


@given(json_values)
def test_no_event_breaks_a_pattern(value: Any) -> None:
    pattern = {
        "a": {"b": [{"numeric": [">", 1]}, {"prefix": "x"}, {"exists": False}]},
        "$or": [{"c": [None]}, {"c": [{"wildcard": "*"}]}],
    }
    assert matches(pattern, value) in (True, False)
