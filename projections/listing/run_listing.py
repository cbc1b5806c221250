"""One page of a list: keys in order by the quickest way there is, then what is served of them.

Pages follow each other by keys, never by counting rows over. Where a condition has few runs, those
are found by its index and sorted; otherwise the list is walked in its order, and each row tested,
until the page is full. A walk that goes on too long is given up for the condition that has the
fewest runs. Neither reads what is served before it is known to be on the page.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import msgspec

from projections.listing.run_conditions import Condition
from projections.listing.run_filter import RunFilter
from projections.listing.run_lanes import (
    Lane,
    Part,
    Past,
    RunsAsked,
    in_order,
    lanes_of,
    those_found,
)
from projections.read_model.queries import query

__all__ = ["Effort", "ListedRun", "kept_total", "list_page"]

_PAGE = (
    "SELECT at, listed.run, summary, {attempts} FROM ({listed} LIMIT ?) AS listed"
    " CROSS JOIN runs_details ON runs_details.run = listed.run"
)


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


# As ``_make`` does, without a call of Python for each of a hundred rows.
_listed: Callable[[tuple[Any, ...]], ListedRun] = partial(tuple.__new__, ListedRun)


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
    lanes = lanes_of(asked, past)
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
    connection: sqlite3.Connection, lane: Lane, asked: RunsAsked, limit: int, too_long: int
) -> list[ListedRun] | None:
    """Walk a lane; give None where that takes too long, for which 0 sets no bound."""
    try:
        connection.set_progress_handler(lambda: True, too_long)
        return _fetch(connection, in_order(lane.walk, asked), asked, limit)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        return None
    finally:
        connection.set_progress_handler(None, 0)


def _search(
    connection: sqlite3.Connection,
    lane: Lane,
    best: Condition | None,
    asked: RunsAsked,
    limit: int,
) -> list[ListedRun]:
    """Find the runs of one condition, and sort them; or take the surest way where there is none."""
    part = in_order(lane.surest, asked) if best is None else those_found(lane, best, asked)
    return _fetch(connection, part, asked, limit)


def _fetch(
    connection: sqlite3.Connection, part: Part, asked: RunsAsked, limit: int
) -> list[ListedRun]:
    page = _PAGE.format(
        listed=part.sql,
        attempts="attempts" if asked.attempts else "'[]'",
    )
    return list(map(_listed, connection.execute(page, (*part.values, limit))))


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
