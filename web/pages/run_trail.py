"""One pass over the events of a run: those of a page, and who said what of it later.

A run of ten thousand events is read once, and only the events that are shown are decoded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ledger import LogReader
from ledger.errors import LedgerDamaged, LedgerReplaced
from ledger.line.lenient_json import read_leniently
from ledger.line.walk import Line
from web.event_row import EventRow, event_row

__all__ = ["Annotation", "RunTrail", "position_at_event", "read_trail"]

_ANNOTATED = b'"type":"run_annotated"'


@dataclass(frozen=True, slots=True)
class Annotation:
    """Who added a key to the metadata, and where."""

    actor: str
    at: str
    position: int


@dataclass(frozen=True, slots=True)
class RunTrail:
    """A page of the events of a run.

    Attributes:
        events: those of the page.
        annotations: of each key of the metadata that was added later, the last to say it.
        damage: why the events could not all be read; None where they could.
    """

    events: Sequence[EventRow] = ()
    annotations: Mapping[str, Annotation] = field(default_factory=dict)
    damage: str | None = None


def position_at_event(reader: LogReader, run_id: str, sequence: int) -> int | None:
    """Find the position of a run's event; None where it has no such event."""
    lines = reader.runs.lines(run_id, None, reader.mark(), after=sequence - 1)
    return next((line.envelope.position for line in lines), None)


def read_trail(
    reader: LogReader, run_id: str, *, after: int, limit: int, annotated: bool = True
) -> RunTrail:
    """Read a page of a run's events.

    Args:
        reader: of the log.
        run_id: the run.
        after: the sequence that the page goes on behind.
        limit: how many events at most.
        annotated: whether any of it may have been annotated; if not, only the page is read.
    """
    events: list[EventRow] = []
    annotations: dict[str, Annotation] = {}
    damage = None
    try:
        # Whoever annotated it may have done so before.
        begin = 0 if annotated else after
        for line in reader.runs.lines(run_id, None, reader.mark(), after=begin):
            if len(events) == limit and not annotated:
                break
            if _ANNOTATED in line.raw:
                annotations |= dict(_annotated(line))
            if line.envelope.sequence > after and len(events) < limit:
                events.append(event_row(line))
    except (LedgerDamaged, LedgerReplaced) as error:
        damage = str(error)
    return RunTrail(events, annotations, damage)


def _annotated(line: Line) -> Iterator[tuple[str, Annotation]]:
    told = read_leniently(line.raw)
    if told["type"] == "run_annotated" and isinstance(told["data"].get("metadata"), dict):
        at, actor = str(told["occurred_at"]), str(told["data"].get("actor"))
        for key in told["data"]["metadata"]:
            yield key, Annotation(actor, at, line.envelope.position)
