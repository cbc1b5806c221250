"""The ways to the rows of a list, as SQL: a walk in order, from the rows of a condition, a scan.

A lane has rows that follow each other in the order of the list. Its ways lead to the same rows, and
``run_listing.py`` chooses between them. All text is fixed; what comes from outside is a parameter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import msgspec

from projections.listing.run_conditions import (
    Condition,
    ended_before,
    kind_of,
    searches,
    started_between,
    took_between,
)
from projections.listing.run_filter import ANY_RUN, RESULTS, RunFilter
from projections.listing.run_order import RunKey, RunOrder

__all__ = ["Lane", "Part", "Past", "RunsAsked", "in_order", "lanes_of", "those_found"]

_WALK = "SELECT {at} AS at, run FROM runs INDEXED BY {index} WHERE {tests}"
_SCAN = "SELECT duration AS at, run FROM runs NOT INDEXED WHERE {tests}"
# Sorted first, so that what is dear to test is tested only until the page is full. The inner limit
# sets no bound: it keeps SQLite from making one of the two.
_FOUND = (
    "SELECT at, run FROM (SELECT {at} AS at, runs.run FROM ({finding}) AS found"
    " CROSS JOIN runs ON runs.run = found.run WHERE {cheap} {order} LIMIT -1) AS runs WHERE {dear}"
)
_ORDER = "ORDER BY 1 {direction}, 2 {direction}"

Value = TypeVar("Value")


class Past(msgspec.Struct, frozen=True):
    """Only runs that were at a position as they are now.

    Attributes:
        position: that one.
        recorded: when it was recorded, in microseconds since 1970.
    """

    position: int
    recorded: int

    @property
    def begun(self) -> Condition:
        """The run had begun by then."""
        place = (self.position,)
        return Condition("runs.run <= ?", place, "SELECT run FROM runs WHERE run <= ?", place)

    @property
    def unchanged(self) -> Condition:
        """Nothing has happened to it since."""
        return _test("last_position <= ?", self.position)


class RunsAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Which page of which list.

    ``attempts`` is off where nobody looks at them: each item then has none.
    """

    matching: RunFilter = ANY_RUN
    order: RunOrder = RunOrder.NEWEST
    limit: int = 100
    after: RunKey | None = None
    attempts: bool = True


class Part(NamedTuple):
    """A statement without its end, and its parameters."""

    sql: str
    values: tuple[object, ...]


class Lane(NamedTuple):
    """The ways to the same rows: a walk in order, from those of one condition, or the surest."""

    at: str
    walk: Part
    surest: Part
    tests: Sequence[Condition]
    searches: Sequence[Condition]


def lanes_of(asked: RunsAsked, past: Past | None) -> list[Lane]:
    """Give the lanes whose rows are the list, one behind the other."""
    return [_by_start(asked, past)] if asked.order.by_start else _by_duration(asked, past)


def _by_start(asked: RunsAsked, past: Past | None) -> Lane:
    """List by the start."""
    matching = asked.matching
    kind = kind_of(matching)
    others = _given(took_between(matching), *searches(matching))
    tests = _given(kind, started_between(matching), *others)
    if past is not None:
        tests += (past.begun, past.unchanged)
        others += [past.begun] if others else []
    if asked.after is not None:
        tests.append(_behind("started", asked.after, asked.order))
    index = "runs_newest"
    if kind is not None:
        index = "runs_by_result" if matching.pipeline is None else "runs_by_pipeline"
    walks = [tests]
    if matching.pipeline is not None and matching.result is None and not matching.running:
        walks = [[*tests, _with_result(result)] for result in (*RESULTS, None)]
    parts = [_walk("started", index, walk) for walk in walks]
    bounds = [past.recorded] if past else []
    bounds += _given(ended_before(matching))
    if bounds:
        # What had ended or was recorded by then had started by then, but for what says otherwise.
        early = _test("NOT ahead AND started <= ?", min(bounds))
        parts = [_walk("started", index, [*walk, early]) for walk in walks]
        parts.append(_walk("started", "runs_ahead", [*tests, _test("ahead")]))
    # Runs lie about in the order of their starts, so that a long walk is as good as a scan.
    walk = _union(parts)
    return Lane("started", walk, walk, tests, others)


def _by_duration(asked: RunsAsked, past: Past | None) -> list[Lane]:
    """List by the duration; then, in a lane of its own, what has none that is known."""
    matching, key = asked.matching, asked.after
    took = took_between(matching)
    others = _given(kind_of(matching), started_between(matching), *searches(matching))
    others += [past.begun] if past else []
    tests = [*others, past.unchanged] if past else others
    known = [*_given(took), *tests, _test("duration IS NOT NULL")]
    unknown = [*tests, _test("duration IS NULL")]
    if key is not None and key.at is not None:
        known.append(_behind("duration", key, asked.order))
    elif key is not None:
        sign = "<" if asked.order.descending else ">"
        unknown.append(_test(f"runs.run {sign} ?", key.run))
    lanes = [
        Lane("duration", _walk("duration", "runs_by_duration", tests), _scan(tests), tests, others)
        for tests in (known, unknown)
    ]
    if took is not None:
        lanes = lanes[:1]
    return lanes[1:] if key is not None and key.at is None else lanes


def _given(*values: Value | None) -> list[Value]:
    return [value for value in values if value is not None]


def _test(test: str, *values: object) -> Condition:
    """Make a condition that nothing is found by."""
    return Condition(test, values, "", ())


def _with_result(result: str | None) -> Condition:
    if result is None:
        return _test("result IS NULL")
    return _test("result = ?", result)


def _behind(column: str, key: RunKey, order: RunOrder) -> Condition:
    sign = "<" if order.descending else ">"
    return _test(f"({column}, runs.run) {sign} (?, ?)", key.at, key.run)


def _walk(at: str, index: str, tests: Sequence[Condition]) -> Part:
    sql = _WALK.format(at=at, index=index, tests=_joined(tests))
    return Part(sql, _values(tests))


def _scan(tests: Sequence[Condition]) -> Part:
    """Look at all rows as they lie: by their durations they would be read from all over."""
    return Part(_SCAN.format(tests=_joined(tests)), _values(tests))


def _order(asked: RunsAsked) -> str:
    return _ORDER.format(direction="DESC" if asked.order.descending else "ASC")


def in_order(part: Part, asked: RunsAsked) -> Part:
    """Give the rows of a way in the order of the list."""
    return Part(f"{part.sql} {_order(asked)}", part.values)


def those_found(lane: Lane, best: Condition, asked: RunsAsked) -> Part:
    """Give the rows of a lane by way of one condition, sorted and tested for the others."""
    rest = [test for test in lane.tests if test is not best]
    cheap = [test for test in rest if not test.is_dear]
    dear = [test for test in rest if test.is_dear]
    sql = _FOUND.format(
        at=lane.at,
        finding=best.finding,
        cheap=_joined(cheap),
        order=_order(asked),
        dear=_joined(dear),
    )
    return Part(sql, (*best.found_by, *_values(cheap), *_values(dear)))


def _joined(tests: Sequence[Condition]) -> str:
    return " AND ".join([test.test for test in tests]) or "1"


def _values(tests: Sequence[Condition]) -> tuple[object, ...]:
    return tuple([value for test in tests for value in test.values])


def _union(parts: Sequence[Part]) -> Part:
    """Join walks that are each in order; SQLite merges them as far as the page needs."""
    sql = " UNION ALL ".join([part.sql for part in parts])
    return Part(sql, tuple([value for part in parts for value in part.values]))
