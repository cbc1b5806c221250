"""The conditions of a filter as SQL: fixed text, and parameters for all that comes from outside."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from ledger.plain_values import utc_text
from projections.listing.run_filter import RunFilter
from projections.runs.run_rows import NO_START, metadata_text, micros, searched_text

__all__ = ["Condition", "ended_before", "kind_of", "searches", "started_between", "took_between"]

_BY_KIND = "SELECT run FROM runs INDEXED BY {index} WHERE {test}"
_HAS_STAGE = (
    "stages IN (SELECT stages FROM runs_stage_sets WHERE EXISTS"
    " (SELECT 1 FROM json_each(runs_stage_sets.stages, '$[{place}]')"
    " WHERE value IN (?, ?) AND runs_stage_sets.stages -> fullkey = ?))"
)
_EXECUTED, _FAILED = 0, 1
_TRIGRAM = 3


class Condition(msgspec.Struct, frozen=True):
    """What a row of ``runs`` must meet.

    Attributes:
        test: an expression over a row of ``runs``.
        values: the parameters of the test.
        finding: a statement that gives each run that meets it once, by an index.
        found_by: the parameters of that.
        is_dear: whether the test looks into another table.
    """

    test: str
    values: tuple[object, ...]
    finding: str
    found_by: tuple[object, ...]
    is_dear: bool = False


def kind_of(asked: RunFilter) -> Condition | None:
    """Give the condition on the result and the pipeline, whose counts are kept."""
    tests, values = [], []
    if asked.pipeline is not None:
        tests.append("pipeline = ?")
        values.append(asked.pipeline)
    if asked.running:
        tests.append("result IS NULL")
    elif asked.result is not None:
        tests.append("result = ?")
        values.append(asked.result)
    if not tests:
        return None
    index = "runs_by_result" if asked.pipeline is None else "runs_by_pipeline"
    return _of_runs(index, " AND ".join(tests), *values)


def started_between(asked: RunFilter) -> Condition | None:
    """Give the condition on the start."""
    after, before = asked.started_after, asked.started_before
    if after is None and before is None:
        return None
    # A run of which no start is known stands before all others, and is not asked for.
    low = NO_START + 1 if after is None else _micros(after)
    if before is None:
        return _of_runs("runs_newest", "started >= ?", low)
    return _of_runs("runs_newest", "started >= ? AND started < ?", low, _micros(before))


def ended_before(asked: RunFilter) -> int | None:
    """Give before what time a run must have ended, in microseconds since 1970."""
    return _micros(asked.ended_before)


def took_between(asked: RunFilter) -> Condition | None:
    """Give the condition on the duration."""
    return _between("runs_by_duration", "duration", asked.duration_above, asked.duration_below)


def searches(asked: RunFilter) -> Iterator[Condition]:
    """Yield the conditions that no order of a list goes by."""
    after, before = asked.ended_after, asked.ended_before
    ended = _between("runs_by_end", "ended", _micros(after), _micros(before))
    if ended is not None:
        yield ended
    if asked.stage_executed is not None:
        yield _has_stage(_EXECUTED, asked.stage_executed)
    if asked.stage_failed is not None:
        yield _has_stage(_FAILED, asked.stage_failed)
    for key, value in asked.metadata.items():
        yield Condition(
            "EXISTS (SELECT 1 FROM runs_metadata AS pair"
            " WHERE pair.run = runs.run AND pair.key = ? AND pair.value = ?)",
            (key, metadata_text(value)),
            "SELECT run FROM runs_metadata INDEXED BY runs_metadata_values"
            " WHERE key = ? AND value = ?",
            (key, metadata_text(value)),
            is_dear=True,
        )
    if asked.fingerprint is not None:
        yield Condition(
            "EXISTS (SELECT 1 FROM failures"
            " WHERE failures.run = runs.run AND failures.fingerprint = ?)",
            (asked.fingerprint,),
            "SELECT DISTINCT run FROM failures INDEXED BY failures_by_fingerprint"
            " WHERE fingerprint = ?",
            (asked.fingerprint,),
            is_dear=True,
        )
    if asked.reason:
        yield _reason(searched_text(asked.reason))


def _has_stage(place: int, name: str) -> Condition:
    """Find a stage by its name; what was imported may hold NUL, where SQLite ends a value."""
    as_json = msgspec.json.encode(name).decode()
    values = (name, name.partition("\0")[0], as_json)
    return _of_runs("runs_by_stages", _HAS_STAGE.format(place=place), *values)


def _reason(text: str) -> Condition:
    """Find text in the reasons: by the index of all three characters, where it has as many."""
    test = (
        "EXISTS (SELECT 1 FROM runs_reasons AS failure"
        " WHERE failure.run = runs.run AND instr(failure.reason, ?))"
    )
    if len(text) < _TRIGRAM:
        finding = "SELECT run FROM runs_reasons WHERE instr(reason, ?)"
        return Condition(test, (text,), finding, (text,), is_dear=True)
    # A quoted phrase, in which a quote is doubled, so that nothing in it is taken for an operator.
    phrase = '"' + text.replace('"', '""') + '"'
    finding = "SELECT rowid AS run FROM runs_failures WHERE runs_failures MATCH ?"
    return Condition(test, (text,), finding, (phrase,), is_dear=True)


def _between(index: str, column: str, least: float | None, below: float | None) -> Condition | None:
    bounds = {f"{column} >= ?": least, f"{column} < ?": below}
    asked = {test: bound for test, bound in bounds.items() if bound is not None}
    return _of_runs(index, " AND ".join(asked), *asked.values()) if asked else None


def _of_runs(index: str, test: str, *values: object) -> Condition:
    return Condition(test, values, _BY_KIND.format(index=index, test=test), values)


def _micros(moment: datetime | None) -> int | None:
    return None if moment is None else micros(utc_text(moment))
