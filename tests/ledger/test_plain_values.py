"""The kindness of the SDK: whatever a pipeline holds becomes something that may enter the log."""

from __future__ import annotations

import math
import re
from collections import OrderedDict, deque
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.events import RunAnnotated, StageCompleted
from ledger.plain_values import (
    MAX_DEPTH,
    _is_plain,
    _look_closely,
    check_json,
    check_text,
    clean_text,
    to_plain,
    utc_text,
)
from tests.ledger.strategies import json_values

EAST = timezone(timedelta(hours=9))


class Scalar:
    """What numpy and its kin hand out: an object that knows its plain value."""

    def __init__(self, value: object) -> None:
        self._value = value

    def tolist(self) -> object:
        """Give the plain value, as numpy's own method of this name does."""
        return self._value


class Colour(Enum):
    """An enumeration of texts."""

    RED = "red"


class Size(IntEnum):
    """An enumeration of numbers."""

    SMALL = 1


class Endless:
    """An object whose plain value is itself."""

    def tolist(self) -> Endless:
        """Give itself."""
        return self

    def __str__(self) -> str:
        return "endless \ud800"


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (None, None),
        (True, True),
        (7, 7),
        (1.5, 1.5),
        ("text", "text"),
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        (2**63 - 1, 2**63 - 1),
        (2**63, "9223372036854775808"),
        (-(2**63) - 1, "-9223372036854775809"),
        (Path("/data/in.csv"), "/data/in.csv"),
        (PurePosixPath("a/b"), "a/b"),
        (datetime(2026, 1, 15, 10, tzinfo=EAST), "2026-01-15T01:00:00.000000Z"),
        (datetime(2026, 1, 15, 10), "2026-01-15T10:00:00"),  # noqa: DTZ001 - told as it is
        (datetime(1, 1, 1, tzinfo=EAST), "0001-01-01T00:00:00+09:00"),
        (date(2026, 1, 15), "2026-01-15"),
        (Decimal("1.10"), "1.10"),
        (Colour.RED, "red"),
        (Size.SMALL, 1),
        (b"raw", "b'raw'"),
        ("half \ud800", "half \\ud800"),
        ({"a\udfff": 1}, {"a\\udfff": 1}),
        ({1: "a", None: "b"}, {"1": "a", "None": "b"}),
        ((1, 2), [1, 2]),
        (deque([1, 2]), [1, 2]),
        (range(3), [0, 1, 2]),
        ({5}, [5]),
        (frozenset({5}), [5]),
        (OrderedDict(a=[math.nan]), {"a": ["NaN"]}),
        (Scalar(3), 3),
        (Scalar(math.nan), "NaN"),
        (Scalar([[1.0, math.inf]]), [[1.0, "Infinity"]]),
        ({"loss": Scalar(0.25)}, {"loss": 0.25}),
        (Endless(), "endless \\ud800"),
        (timedelta(minutes=1), "0:01:00"),
        (Scalar, "<class 'tests.ledger.test_plain_values.Scalar'>"),
    ],
)
def test_objects_of_a_program_become_plain_values(value: object, plain: object) -> None:
    """Each kind of value that pipelines hold has one plain form, and it may enter the log."""
    assert to_plain(value) == plain
    assert type(to_plain(value)) is type(plain)
    check_json(to_plain(value))


@given(json_values)
def test_plain_values_stay_as_they_are(value: Any) -> None:
    """What may enter the log anyhow is not touched."""
    assert to_plain(value) == value


ODD: tuple[Any, ...] = (
    *(math.nan, math.inf, -math.inf, 2**63, -(2**63) - 1, "\ud800", "a\udfffb", "é", Size.SMALL),
    *(b"a", {"a"}, object(), date(2026, 1, 15), OrderedDict(a=1), deque([1]), Colour.RED),
    *({1: 2}, {"\ud800": 1}, {None: 1}, {"é": 1}, {Size.SMALL: 1}),
)


def close_look(value: object) -> str:
    """Say what is wrong with a value where each part of it is looked at."""
    try:
        _look_closely(value, "value", 0)
    except ValueError as error:
        return str(error)
    return ""


@given(
    st.recursive(
        json_values | st.sampled_from(ODD),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=2),
        max_leaves=5,
    ),
    st.sampled_from([0, 1, MAX_DEPTH - 2, MAX_DEPTH - 1, MAX_DEPTH]),
)
def test_what_is_seen_at_a_glance_is_what_a_close_look_finds(value: Any, levels: int) -> None:
    """Whatever is refused is refused by its place, and nothing else is."""
    for level in range(levels):
        value = {"k": value} if level % 2 else (value,)

    said = close_look(value)

    if _is_plain(value, 0):
        assert said == ""
    if said:
        with pytest.raises(ValueError, match=re.escape(said)):
            check_json(value)
    else:
        check_json(value)


def test_an_integer_of_any_length_can_be_kept() -> None:
    """Even one too long for Python to print in decimal does not fail a stage."""
    plain = to_plain(10**5000)

    assert isinstance(plain, str)
    assert int(plain, 0) == 10**5000


@pytest.mark.parametrize("levels", [MAX_DEPTH - 1, MAX_DEPTH, MAX_DEPTH + 1, 500])
@pytest.mark.parametrize(
    "wrap", [lambda value: [value], lambda value: {"k": value}], ids=["lists", "objects"]
)
def test_deep_nesting_ends_in_a_text(levels: int, wrap: Callable[[object], object]) -> None:
    """What is nested deeper than the log takes becomes text at the deepest level allowed."""
    value: object = "core"
    for _ in range(levels):
        value = wrap(value)

    check_json(to_plain(value))


def test_a_value_that_holds_itself_ends() -> None:
    """A cycle becomes text where it begins again."""
    value: list[object] = []
    value.append(value)

    check_json(to_plain(value))


def test_a_value_that_holds_itself_twice_ends_in_time() -> None:
    """As parents and children that know each other: all ways through them would never end."""
    parent: dict[str, object] = {"name": "root"}
    parent["children"] = [{"name": name, "parent": parent} for name in "ab"]

    plain = to_plain(parent)

    assert [child["name"] for child in plain["children"]] == ["a", "b"]
    assert plain["children"][0]["parent"] == str(parent)
    check_json(plain)


_objects: st.SearchStrategy[Any] = st.recursive(
    st.floats()
    | st.integers()
    | st.text(alphabet=st.characters())
    | st.binary(max_size=5)
    | st.decimals()
    | st.complex_numbers()
    | st.dates()
    | st.datetimes()
    | st.datetimes(timezones=st.just(EAST))
    | st.just(Path("x")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(st.integers() | st.text(alphabet=st.characters()), inner, max_size=3)
        | st.builds(Scalar, inner)
    ),
    max_leaves=8,
)


@given(_objects)
def test_every_object_becomes_something_that_may_enter_the_log(value: Any) -> None:
    """Whatever a pipeline gives as metadata or metric, the payload around it is accepted."""
    plain = to_plain({"value": value})

    assert RunAnnotated(metadata=plain, actor="a").metadata == plain
    assert StageCompleted(stage="s", attempt=1, elapsed_seconds=0, metrics=plain).metrics == plain


def test_unstorable_text_is_refused_or_made_visible() -> None:
    """At the boundary a lone surrogate is an error; in the SDK it becomes a visible escape."""
    with pytest.raises(ValueError, match="note: lone surrogate at character 2"):
        check_text("ab\udc00", "note")
    assert clean_text("ab\udc00") == "ab\\udc00"
    assert clean_text("plain Ω") == "plain Ω"
    check_text("plain Ω", "note")


@given(st.datetimes(min_value=datetime(1, 1, 3), timezones=st.just(EAST)))  # noqa: DTZ001
def test_times_take_27_characters_and_sort_as_text(moment: datetime) -> None:
    """A time in the log is UTC with microseconds, of one width, so text order is time order."""
    text = utc_text(moment)

    assert len(text) == 27
    assert text.endswith("Z")
    assert datetime.fromisoformat(text) == moment
    assert utc_text(datetime(1, 1, 1, tzinfo=UTC)) <= text
