"""The failures by their fingerprints: how many, since when, where, and what people said of them.

``docs/failures.md`` gives the rules: what counts as a failure, what makes two the same, and how
long an acknowledgement stands.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec
from pydantic import BaseModel, ConfigDict

from ledger.errors import InvalidEvent
from ledger.plain_values import utc_text
from projections.listing.run_filter import check_moment
from projections.listing.run_history import RunHistory
from projections.read_model.queries import query
from projections.runs.run_rows import micros
from projections.runs.run_summary import UtcText

__all__ = [
    "Acknowledgement",
    "FailureGroup",
    "FailureGroupState",
    "FailuresPage",
    "SeenFailure",
    "find_fingerprints",
    "list_failures",
]

FailureGroupState = Literal["open", "acknowledged", "flaky"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST = sys.maxsize
_AFTER_ALL = "~"


class _Served(BaseModel):
    model_config = ConfigDict(frozen=True)


class SeenFailure(_Served):
    """One failure of a group: when, where in the log, and in which run of which version."""

    at: UtcText
    position: int
    run_id: str
    code_version: str | None


class Acknowledgement(_Served):
    """What a person said of a failure; void once it has come back after a success."""

    note: str
    actor: str
    at: UtcText
    position: int
    is_void: bool


class FailureGroup(_Served):
    """All failures of one fingerprint.

    Attributes:
        fingerprint: 16 hex digits.
        state: ``open``; ``acknowledged``; or ``flaky``, when all were tried again.
        stage: the stage that failed; null where runs failed outside their stages.
        error_type: the class of the error.
        message: what it says, its values made blank.
        sample: what the last of them said, shortened.
        failures: how many attempts failed so.
        retried: how many of those were tried again.
        runs: in how many runs.
        pipelines: of which pipelines, in order of their names.
        first_seen: the first of them, whenever it was.
        last_seen: the last of those that were asked for.
        acknowledgement: the last there is.
    """

    fingerprint: str
    state: FailureGroupState
    stage: str | None
    error_type: str
    message: str
    sample: str
    failures: int
    retried: int
    runs: int
    pipelines: tuple[str, ...]
    first_seen: SeenFailure
    last_seen: SeenFailure
    acknowledgement: Acknowledgement | None


class FailuresPage(_Served):
    """Groups of failures, the last seen first, and the position they reflect.

    ``total`` counts all groups that match. ``acknowledged`` and ``flaky`` count the groups of these
    states, which are listed when all are asked for.
    """

    groups: tuple[FailureGroup, ...]
    total: int
    acknowledged: int
    flaky: int
    position: int


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    since: int | None
    new_since: int | None
    new_version: str | None
    pipeline: str | None
    state: FailureGroupState | None
    limit: int


def list_failures(
    history: RunHistory,
    *,
    since: datetime | None = None,
    new_since: datetime | str | None = None,
    pipeline: str | None = None,
    every: bool = False,
    state: FailureGroupState = "open",
    limit: int = 100,
) -> FailuresPage:
    """List the failures by their fingerprints, the last seen first.

    Args:
        history: of the ledger.
        since: count only failures from this time on.
        new_since: only groups of which nothing was seen before this time; or, for a code version,
            none in a run that began before the first run of it that failed.
        pipeline: only failures of this pipeline.
        every: whatever their state.
        state: only groups of this state, unless every one is asked for.
        limit: how many groups at most.

    Raises:
        InvalidEvent: the limit is not from 1 up, or a time has no zone.
    """
    if limit < 1:
        raise InvalidEvent("limit", f"{limit} is not a whole number from 1 up")
    version = new_since if isinstance(new_since, str) else None
    moment = new_since if isinstance(new_since, datetime) else None
    asked = _Asked(
        since=_micros("since", since),
        new_since=_micros("new_since", moment),
        new_version=version,
        pipeline=pipeline,
        state=None if every else state,
        limit=min(limit, _MOST),
    )
    return history.ask(lambda connection, position: _page(connection, position, asked))


def find_fingerprints(history: RunHistory, prefix: str, *, limit: int = 10) -> list[str]:
    """Find the fingerprints that begin with ``prefix`` and that a failure has."""
    values = (prefix, prefix + _AFTER_ALL, limit)
    return history.ask(
        lambda connection, _: [
            fingerprint
            for (fingerprint,) in connection.execute(query("fingerprints_by_prefix"), values)
        ]
    )


def _micros(field: str, moment: datetime | None) -> int | None:
    if moment is None:
        return None
    check_moment(field, moment)
    return micros(utc_text(moment))


def _page(connection: sqlite3.Connection, position: int, asked: _Asked) -> FailuresPage:
    new_run = None
    if asked.new_version is not None:
        (new_run,) = connection.execute(
            query("first_run_of_version"), (asked.new_version,)
        ).fetchone()
        if new_run is None:
            return FailuresPage(groups=(), total=0, acknowledged=0, flaky=0, position=position)
    said = _acknowledgements(connection)
    standing = [name for name, one in said.items() if not one.is_void]
    values = {
        **msgspec.structs.asdict(asked),
        "new_run": new_run,
        "acknowledged": msgspec.json.encode(standing).decode(),
    }
    rows = connection.execute(query("failure_groups"), values).fetchall()
    total, acknowledged, flaky = rows[0][:3]
    groups = [_group(connection, row[3:], said) for row in rows if row[3] is not None]
    return FailuresPage(
        groups=tuple(groups),
        total=total,
        acknowledged=acknowledged,
        flaky=flaky,
        position=position,
    )


def _acknowledgements(connection: sqlite3.Connection) -> Mapping[str, Acknowledgement]:
    """Give the last acknowledgement of each fingerprint, and whether it still stands."""
    rows = connection.execute(query("last_acknowledgements")).fetchall()
    return {
        fingerprint: Acknowledgement(
            note=note,
            actor=actor,
            at=datetime.fromisoformat(at),
            position=position,
            is_void=_came_back(connection, fingerprint, position),
        )
        for fingerprint, position, note, actor, at in rows
    }


def _came_back(connection: sqlite3.Connection, fingerprint: str, position: int) -> bool:
    """Tell whether a run failed so again, after one that began behind the position passed."""
    values = {"fingerprint": fingerprint, "position": position}
    (found,) = connection.execute(query("came_back"), values).fetchone()
    return bool(found)


def _group(
    connection: sqlite3.Connection, row: Sequence[Any], said: Mapping[str, Acknowledgement]
) -> FailureGroup:
    fingerprint, state, failures, retried, runs, last, pipelines, first = row
    places = (fingerprint, first, last)
    found = connection.execute(query("failure_at"), places).fetchall()
    stage, error_type, message, sample = found[-1][4:]
    return FailureGroup(
        fingerprint=fingerprint,
        state=state,
        stage=stage,
        error_type=error_type,
        message=message,
        sample=sample,
        failures=failures,
        retried=retried,
        runs=runs,
        pipelines=tuple(sorted(json.loads(pipelines))),
        first_seen=_seen(found[0]),
        last_seen=_seen(found[-1]),
        acknowledgement=said.get(fingerprint),
    )


def _seen(row: Sequence[Any]) -> SeenFailure:
    failed, position, run_id, code_version = row[:4]
    at = _EPOCH + timedelta(microseconds=failed)
    return SeenFailure(at=at, position=position, run_id=run_id, code_version=code_version)
