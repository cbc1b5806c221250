"""Moments in the addresses of pages: short or whole, and the same in each of their fields."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from starlette.datastructures import QueryParams

from web.pages.failures_query import FailuresQuery
from web.pages.query import read_query
from web.pages.run import RunQuery
from web.pages.runs_query import RunsQuery
from web.problems import InvalidParameters

FIELDS = [
    (RunsQuery, "started_after"),
    (RunsQuery, "ended_before"),
    (RunsQuery, "as_of"),
    (RunQuery, "as_of"),
    (FailuresQuery, "since"),
    (FailuresQuery, "new_since"),
]
TEN = datetime(2026, 1, 15, 10, tzinfo=UTC)


@pytest.mark.parametrize(("query", "name"), FIELDS)
@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-15T10:00:00Z", TEN),
        ("2026-01-15T10:00", TEN),
        ("2026-01-15 10:00", TEN),
        ("2026-01-15T10:00:00.5", TEN + timedelta(seconds=0.5)),
        ("2026-01-15T12:00+02:00", TEN),
        ("2026-01-15", TEN - timedelta(hours=10)),
    ],
)
def test_what_is_left_out_is_filled_in(
    query: type[RunsQuery | RunQuery | FailuresQuery], name: str, text: str, moment: datetime
) -> None:
    """A field of a browser has no zone, and a person may leave out the time of day."""
    asked = read_query(query, QueryParams({name: text}))
    assert getattr(asked, name) == moment


@pytest.mark.parametrize(("query", "name"), FIELDS)
@pytest.mark.parametrize("text", ["soon", "12h", "2026-01-15T10", "2026-02-30", "1e3", "-1", "٣"])
def test_what_is_no_moment_is_named(
    query: type[RunsQuery | RunQuery | FailuresQuery], name: str, text: str
) -> None:
    """Nothing is told from now, nor in seconds since some year."""
    with pytest.raises(InvalidParameters) as caught:
        read_query(query, QueryParams({name: text}))
    assert [each.parameter for each in caught.value.errors] == [name]


def test_digits_are_a_position_of_the_past_alone() -> None:
    """Where no position can be asked for, they are nothing, and not a time of 1970."""
    position = QueryParams({"as_of": "1200"})
    assert read_query(RunsQuery, position).as_of == 1200
    assert read_query(RunQuery, position).as_of == 1200
    with pytest.raises(InvalidParameters):
        read_query(RunsQuery, QueryParams({"started_after": "1200"}))
    with pytest.raises(InvalidParameters):
        read_query(FailuresQuery, QueryParams({"since": "1200"}))
