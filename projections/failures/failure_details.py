"""What is known of kinds of failures beyond their counts: when each came, and one in full."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from projections.failures.by_fingerprint import FailureGroup
from projections.listing.run_history import RunHistory
from projections.read_model.queries import query

__all__ = ["FailureSample", "failure_samples", "failures_over_time"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)


class FailureSample(msgspec.Struct, frozen=True):
    """One failed attempt in full.

    Attributes:
        position: of the event that began the attempt, by which the page of the run names it.
        traceback: where it was raised; None where that was not recorded.
        output_tail: the end of what it wrote.
    """

    position: int
    traceback: str | None
    output_tail: str | None


class _Error(msgspec.Struct, frozen=True):
    traceback: str | None = None


class _Attempt(msgspec.Struct, frozen=True):
    stage: str
    attempt: int
    position: int
    error: _Error | None = None
    output_tail: str | None = None


_read_attempts = msgspec.json.Decoder(tuple[_Attempt, ...]).decode


def failures_over_time(
    history: RunHistory,
    fingerprints: Sequence[str],
    *,
    begin: datetime,
    slot: timedelta,
    slots: int,
    pipeline: str | None = None,
) -> Mapping[str, Sequence[int]]:
    """Count failures of some kinds in each slot of time.

    Args:
        history: of the ledger.
        fingerprints: the kinds.
        begin: when the first slot begins, an aware time.
        slot: how long each is.
        slots: how many there are.
        pipeline: only failures of this one.

    Returns:
        For each fingerprint that was asked for as many counts as there are slots.
    """
    start, width = (begin - _EPOCH) // _MICRO, slot // _MICRO
    values = {
        "fingerprints": msgspec.json.encode(list(fingerprints)).decode(),
        "begin": start,
        "width": width,
        "end": start + slots * width,
        "pipeline": pipeline,
    }
    rows = history.ask(
        lambda connection, _: connection.execute(query("failures_over_time"), values).fetchall()
    )
    counts = {fingerprint: [0] * slots for fingerprint in fingerprints}
    for fingerprint, place, number in rows:
        counts[fingerprint][place] = number
    return counts


def failure_samples(
    history: RunHistory, groups: Sequence[FailureGroup]
) -> Mapping[str, FailureSample]:
    """Give the last failure of each group in full, of those that an attempt was."""

    def answer(connection: sqlite3.Connection, _position: int) -> Mapping[str, FailureSample]:
        found = {group.fingerprint: _sample(connection, group) for group in groups}
        return {fingerprint: one for fingerprint, one in found.items() if one is not None}

    return history.ask(answer)


def _sample(connection: sqlite3.Connection, group: FailureGroup) -> FailureSample | None:
    values = (group.fingerprint, group.last_seen.position)
    row = connection.execute(query("failed_attempt"), values).fetchone()
    if row is None or row[0] is None:
        return None
    stage, number, attempts = row
    return next(
        (
            FailureSample(one.position, one.error.traceback if one.error else None, one.output_tail)
            for one in _read_attempts(attempts)
            if (one.stage, one.attempt) == (stage, number)
        ),
        None,
    )
