"""Where two values of a column differ, and how it is named."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.checking.json_difference import mismatches, shown

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)
columns = scalars | st.binary(max_size=5) | values.map(json.dumps)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("same", "same", []),
        (None, None, []),
        (1, 2, [("", "1", "2")]),
        (1, 1.0, [("", "1", "1.0")]),
        (None, "", [("", "null", '""')]),
        (b"\x00\xff", None, [("", "x'00ff'", "null")]),
        ('{"a":1}', '{"a":1}', []),
        ('{"a":{"day":"1"}}', '{"a":{"day":"2"}}', [(".a.day", '"1"', '"2"')]),
        ('{"a":1}', '{"b":1}', [(".a", "1", None), (".b", None, "1")]),
        ('{"a":null}', "{}", [(".a", "null", None)]),
        ("[1,2]", "[1,3,4]", [("[1]", "2", "3"), ("[2]", None, "4")]),
        ('[{"x":true}]', '[{"x":1}]', [("[0].x", "true", "1")]),
        ('{"a b":1}', '{"a b":2}', [('["a b"]', "1", "2")]),
        ('{"a":1}', '{"a": 1}', [("", '"{\\"a\\":1}"', '"{\\"a\\": 1}"')]),
        ('{"a":1}', "[1]", [("", '"{\\"a\\":1}"', '"[1]"')]),
        ('{"a":1}', "{broken", [("", '"{\\"a\\":1}"', '"{broken"')]),
        ('{"a":[]}', '{"a":{}}', [(".a", "[]", "{}")]),
    ],
)
def test_each_place_is_named(old: object, new: object, expected: list[Any]) -> None:
    """The column itself, or the paths in the JSON that it holds; None is not there at all."""
    assert [(place, *sides) for place, _, *sides in mismatches(old, new)] == expected


def test_elements_of_lists_are_counted_as_one_field() -> None:
    """What is counted has no numbers in it, so that all attempts of a run are one field."""
    old, new = '[{"x":1},{"x":1}]', '[{"x":2},{"x":2}]'

    assert [field for _, field, *_ in mismatches(old, new)] == ["[].x", "[].x"]


@given(columns, columns)
def test_nothing_is_said_of_equal_values_alone(old: object, new: object) -> None:
    """Two values are the same in type and text, or a place is named."""
    same = type(old) is type(new) and repr(old) == repr(new)

    assert (not list(mismatches(old, new))) == same


@given(columns)
def test_a_value_is_shown_on_one_short_line(value: object) -> None:
    """However long it is."""
    assert len(shown(value)) <= 80
    assert "\n" not in shown(value)


def test_what_is_long_is_cut() -> None:
    """And says so."""
    assert shown("x" * 500) == '"' + "x" * 78 + "…"
