"""One page of a list: keys in order by the quickest way there is, then what is served of them.

Pages follow each other by keys, never by counting rows over. Where a condition has few runs, those
are found by its index and sorted; otherwise the list is walked in its order, and each row tested,
until the page is full. A walk that goes on too long is given up for the condition that has the
fewest runs. Neither reads what is served before it is known to be on the page.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import msgspec

from projections.queries import query
from projections.run_conditions import (
    Condition,
    ended_before,
    kind_of,
    searches,
    started_between,
    took_between,
)
from projections.run_filter import ANY_RUN, RESULTS, RunFilter
from projections.run_order import RunKey, RunOrder

__all__ = ["Effort", "ListedRun", "Past", "RunsAsked", "kept_total", "list_page"]

_WALK = "SELECT {at} AS at, run FROM runs INDEXED BY {index} WHERE {tests}"
_SCAN = "SELECT duration AS at, run FROM runs NOT INDEXED WHERE {tests}"
# Sorted first, so that what is dear to test is tested only until the page is full. The inner limit
# sets no bound: it keeps SQLite from making one of the two.
_FOUND = (
    "SELECT at, run FROM (SELECT {at} AS at, runs.run FROM ({finding}) AS found"
    " CROSS JOIN runs ON runs.run = found.run WHERE {cheap} {order} LIMIT -1) AS runs WHERE {dear}"
)
_ORDER = "ORDER BY 1 {direction}, 2 {direction}"
_PAGE = (
    "SELECT at, listed.run, summary, {attempts} FROM ({listed} LIMIT ?) AS listed"
    " CROSS JOIN runs_details ON runs_details.run = listed.run"
)


Value = TypeVar("Value")


class Effort(msgspec.Struct, frozen=True):
    """What the ways to a page may cost; the page is the same whatever they may.

    Attributes:
        few: so many runs are sorted before any walk is tried: 4 ms or so.
        too_long: steps of SQLite's machine that a walk may take: 10 ms or so.
        many: so many runs are sorted where a walk was too long.
    """

    few: int = 4_000
    too_long: int = 60_000
    many: int = 100_000


_USUAL = Effort()


class ListedRun(NamedTuple):
    """One item of a list, behind what the order goes by."""

    at: float | None
    run: int
    summary: str
    attempts: str


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


class _Part(NamedTuple):
    """A statement without its end, and its parameters."""

    sql: str
    values: tuple[object, ...]


class _Lane(NamedTuple):
    """The ways to the same rows: a walk in order, from those of one condition, or the surest."""

    at: str
    walk: _Part
    surest: _Part
    tests: Sequence[Condition]
    searches: Sequence[Condition]


def kept_total(connection: sqlite3.Connection, asked: RunFilter) -> int | None:
    """Tell how many runs match, where that is kept; None where it would have to be counted."""
    if not asked.is_kept:
        return None
    if asked.pipeline == "":
        # No pipeline is called this: among the counts it stands for those that have none.
        return 0
    result = "" if asked.running else asked.result
    if asked.pipeline is None:
        row = connection.execute(query("count_kept"), (result, result)).fetchone()
    else:
        values = (asked.pipeline, result, result)
        row = connection.execute(query("count_kept_of_pipeline"), values).fetchone()
    return int(row[0])


def list_page(
    connection: sqlite3.Connection,
    asked: RunsAsked,
    past: Past | None = None,
    *,
    effort: Effort = _USUAL,
) -> list[ListedRun]:
    """Give the page of a list, in order."""
    lanes = [_by_start(asked, past)] if asked.order.by_start else _by_duration(asked, past)
    searches = lanes[0].searches if lanes else ()
    best = _least(connection, searches, effort.few)
    are_few = best is not None
    rows: list[ListedRun] = []
    for lane in lanes:
        limit = asked.limit - len(rows)
        # Where nothing is searched for, each row that is walked over is on the page.
        too_long = effort.too_long if searches else 0
        found = None if are_few else _walk_on(connection, lane, asked, limit, too_long)
        if found is None:
            best = best or _least(connection, searches, effort.many)
            found = _search(connection, lane, best, asked, limit)
        rows += found
        if len(rows) >= asked.limit:
            break
    return rows


def _walk_on(
    connection: sqlite3.Connection, lane: _Lane, asked: RunsAsked, limit: int, too_long: int
) -> list[ListedRun] | None:
    """Walk a lane; give None where that takes too long, for which 0 sets no bound."""
    try:
        connection.set_progress_handler(lambda: True, too_long)
        return _fetch(connection, _in_order(lane.walk, asked), asked, limit)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        return None
    finally:
        connection.set_progress_handler(None, 0)


def _search(
    connection: sqlite3.Connection,
    lane: _Lane,
    best: Condition | None,
    asked: RunsAsked,
    limit: int,
) -> list[ListedRun]:
    """Find the runs of one condition, and sort them; or take the surest way where there is none."""
    part = _in_order(lane.surest, asked) if best is None else _found(lane, best, asked)
    return _fetch(connection, part, asked, limit)


def _order(asked: RunsAsked) -> str:
    return _ORDER.format(direction="DESC" if asked.order.descending else "ASC")


def _in_order(part: _Part, asked: RunsAsked) -> _Part:
    return _Part(f"{part.sql} {_order(asked)}", part.values)


def _fetch(
    connection: sqlite3.Connection, part: _Part, asked: RunsAsked, limit: int
) -> list[ListedRun]:
    page = _PAGE.format(
        listed=part.sql,
        attempts="attempts" if asked.attempts else "'[]'",
    )
    return list(map(ListedRun._make, connection.execute(page, (*part.values, limit))))


def _by_start(asked: RunsAsked, past: Past | None) -> _Lane:
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
    return _Lane("started", walk, walk, tests, others)


def _by_duration(asked: RunsAsked, past: Past | None) -> list[_Lane]:
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
        _Lane("duration", _walk("duration", "runs_by_duration", tests), _scan(tests), tests, others)
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


def _walk(at: str, index: str, tests: Sequence[Condition]) -> _Part:
    sql = _WALK.format(at=at, index=index, tests=_joined(tests))
    return _Part(sql, _values(tests))


def _scan(tests: Sequence[Condition]) -> _Part:
    """Look at all rows as they lie: by their durations they would be read from all over."""
    return _Part(_SCAN.format(tests=_joined(tests)), _values(tests))


def _found(lane: _Lane, best: Condition, asked: RunsAsked) -> _Part:
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
    return _Part(sql, (*best.found_by, *_values(cheap), *_values(dear)))


def _joined(tests: Sequence[Condition]) -> str:
    return " AND ".join([test.test for test in tests]) or "1"


def _values(tests: Sequence[Condition]) -> tuple[object, ...]:
    return tuple([value for test in tests for value in test.values])


def _union(parts: Sequence[_Part]) -> _Part:
    """Join walks that are each in order; SQLite merges them as far as the page needs."""
    sql = " UNION ALL ".join([part.sql for part in parts])
    return _Part(sql, tuple([value for part in parts for value in part.values]))


def _least(
    connection: sqlite3.Connection, conditions: Sequence[Condition], many: int
) -> Condition | None:
    """Choose the condition that has the fewest runs; None where each has as many as ``many``.

    Those that usually have few stand last. They are counted first, and the others only as far.
    """
    best, most = None, many - 1
    for condition in reversed(conditions):
        sql = f"SELECT count(*) FROM (SELECT 1 FROM ({condition.finding}) LIMIT ?)"  # noqa: S608 - fixed text
        (count,) = connection.execute(sql, (*condition.found_by, most + 1)).fetchone()
        if count <= most:
            best, most = condition, count
    return best
