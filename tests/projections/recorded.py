"""Events as the log records them, made by the real codec but without a log."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from ledger.events import EventData, NewEvent, RecordedEvent
from ledger.line.codec import ZERO_HASH, Body, encode_body, encode_line, leaf_hash
from ledger.line.decoding import decode
from ledger.line.replayed import ReplayedEvent, decode_replayed
from ledger.plain_values import utc_text
from projections.runs.run_fold import fold, initial
from projections.runs.run_state import RunState

__all__ = ["RUN", "at", "fold_runs", "record", "record_body", "record_run", "replayed", "tell"]

RUN = "run-1"


def at(seconds: float) -> datetime:
    """Give a moment of the day on which all examples happen."""
    return datetime(2026, 1, 15, 10, tzinfo=UTC) + timedelta(seconds=seconds)


def tell(*told: EventData, run_id: str = RUN) -> list[NewEvent]:
    """Make the events of one run, a second apart."""
    return [NewEvent(data, run_id, occurred_at=at(second)) for second, data in enumerate(told)]


def record_body(
    body: Body, *, position: int, sequence: int, prev: str = ZERO_HASH, recorded_at: str = ""
) -> RecordedEvent:
    """Record a body at any place, even one that no log would give it.

    It is recorded so many seconds into the day as its position says, where no time is given.
    """
    line = encode_line(
        body,
        position=position,
        prev=prev,
        sequence=sequence,
        rest=0,
        recorded_at=recorded_at or utc_text(at(position)),
    )
    return decode(line[:-1])


def record(events: Iterable[NewEvent], *, after: int = 1) -> list[RecordedEvent]:
    """Record events as a log would that stands at position ``after``, each when it occurred.

    No event is recorded before one that it follows, whenever it says that it occurred.
    """
    recorded: list[RecordedEvent] = []
    sequences: dict[str, int] = {}
    prev, recorded_at = ZERO_HASH, ""
    for position, event in enumerate(events, after + 1):
        sequence = 0
        if event.run_id is not None:
            sequence = sequences[event.run_id] = sequences.get(event.run_id, 0) + 1
        body = encode_body(event)
        recorded_at = max(recorded_at, body.occurred_at)
        recorded.append(
            record_body(
                body, position=position, sequence=sequence, prev=prev, recorded_at=recorded_at
            )
        )
        prev = leaf_hash(recorded[-1].line)
    return recorded


def replayed(events: Iterable[RecordedEvent]) -> list[ReplayedEvent]:
    """Give recorded events as folds take them."""
    return [decode_replayed(event.line) for event in events]


def record_run(*told: EventData) -> list[ReplayedEvent]:
    """Record one run from position 2 on, as a new log would, to be folded."""
    return replayed(record(tell(*told)))


def fold_runs(events: Iterable[RecordedEvent]) -> dict[str, RunState]:
    """Fold each run from its own events alone: what every view must come to."""
    by_run: dict[str, list[ReplayedEvent]] = {}
    for event in replayed(events):
        if event.run_id is not None:
            by_run.setdefault(event.run_id, []).append(event)
    return {run_id: fold(told, initial(run_id)) for run_id, told in by_run.items()}
