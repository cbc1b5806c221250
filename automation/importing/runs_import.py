"""Import runs that another system recorded: each becomes one ``run_imported`` event.

Guarantees. The whole file is read and checked first; where one line is bad, or one of its runs is
in the log otherwise, nothing is taken and no ledger is made. The last line of a run wins, as in any
``runs.jsonl``. An event's id is made of its content, so importing a file again adds nothing, and
finishes an import that was cut off, wherever that was.

Memory. The lines that win are kept as the bytes they are, and become events batch by batch.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import BinaryIO

import msgspec

from automation.errors import ImportRefused, RefusedLine
from automation.importing.summary_line import MAX_SUMMARY, parse_summary
from ledger import EventLog, LogReader, NewEvent
from ledger.errors import EventIdConflict, IllegalTransition, InvalidEvent
from ledger.events import ImportedRun, RunImported, build
from ledger.line.codec import MAX_BATCH, MAX_LINE
from ledger.line.shortening import encode_short
from ledger.plain_values import clean_text, utc_text

__all__ = ["CheckedFile", "ImportCounts", "check_runs_file", "import_runs"]

Progress = Callable[[int], None]

_NAMESPACE = uuid.UUID("5b0c1d3e-6f5a-5c39-9a53-0b7f4a1e2c68")
"""Part of every event_id that is made here: another one would import everything twice."""

_BATCH = MAX_BATCH // MAX_LINE
"""Runs appended together: as many as fit whatever they hold."""

_LISTED = 20
_CHUNK = 1 << 16


class _Found(msgspec.Struct, frozen=True):
    """The line of a run that wins: its 1-based number, its bytes, and the id of its event."""

    number: int
    raw: bytes
    event_id: str


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """A file of which every line is sound.

    Attributes:
        name: what to call it in an error.
        lines: how many lines it has.
        source: what the events say about where they come from.
        zone: where its naive times belong.
    """

    name: str
    lines: int
    source: str
    zone: tzinfo | None
    _found: Mapping[str, _Found]

    @property
    def run_ids(self) -> Sequence[str]:
        """The runs, in the order of the lines that win."""
        return list(self._found)

    def event(self, run_id: str) -> NewEvent:
        """Make the event of one run."""
        return _event(parse_summary(self._found[run_id].raw, self.zone), self.source)

    def event_id(self, run_id: str) -> str:
        """Give the id of a run's event."""
        return self._found[run_id].event_id

    def line_number(self, run_id: str) -> int:
        """Tell which line wins."""
        return self._found[run_id].number


@dataclass(frozen=True, slots=True)
class ImportCounts:
    """What an import came to: ``imported`` were taken now, ``already_there`` before."""

    lines: int
    runs: int
    imported: int
    already_there: int


def _ignore(_done: int) -> None:
    """Show no progress."""


def check_runs_file(
    path: Path,
    *,
    zone: tzinfo | None = None,
    source: str | None = None,
    progress: Progress = _ignore,
) -> CheckedFile:
    """Read a ``runs.jsonl`` and check every line of it.

    Args:
        path: the file.
        zone: where its naive times belong; None refuses them.
        source: what its events say about where they come from; the file's name if not given.
        progress: is told the number of each line that was checked.

    Raises:
        ImportRefused: lines are bad; tells all, and lists the first of them.
        OSError: the file cannot be read.
    """
    source = clean_text(path.name if source is None else source)
    found: dict[str, _Found] = {}
    refused: list[RefusedLine] = []
    total = number = 0
    with path.open("rb") as file:
        for number, raw in _numbered_lines(file):
            try:
                event = _event(parse_summary(raw, zone), source)
                encode_short(event)
            except InvalidEvent as error:
                total += 1
                if total <= _LISTED:
                    refused.append(RefusedLine(number, str(error)))
            else:
                run_id = str(event.run_id)
                # Taken out first, so that the order is that of the lines that win.
                found.pop(run_id, None)
                found[run_id] = _Found(number, raw, event.event_id)
            progress(number)
    if refused:
        raise ImportRefused(str(path), tuple(refused), total)
    return CheckedFile(str(path), number, source, zone, found)


def _numbered_lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield each line with its number; of one that is too long, only enough to tell so."""
    number = 0
    while line := file.readline(MAX_SUMMARY + 1):
        number += 1
        yield number, line
        while line and not line.endswith(b"\n"):
            line = file.readline(_CHUNK)


def _event(run: ImportedRun, source: str) -> NewEvent:
    data = build(RunImported, summary=run, source=source)
    return NewEvent(data, run.run_id, _event_id(run))


def _event_id(run: ImportedRun) -> str:
    """Make the id of a run's event from its nine values, however they were written."""
    values = run.model_dump(mode="json") | {
        "started_at": utc_text(run.started_at),
        "ended_at": run.ended_at and utc_text(run.ended_at),
    }
    return str(uuid.uuid5(_NAMESPACE, json.dumps(values, sort_keys=True, separators=(",", ":"))))


def import_runs(
    folder: Path,
    checked: CheckedFile,
    *,
    redact: Sequence[str] = (),
    progress: Progress = _ignore,
) -> ImportCounts:
    """Append the runs of a checked file that the ledger in ``folder`` does not hold yet.

    Args:
        folder: the data folder; the ledger is made where there is none.
        checked: what ``check_runs_file`` gave.
        redact: names of further keys whose text is never recorded (see ``EventLog.open``).
        progress: is told after each batch how many runs the ledger holds of the file.

    Raises:
        ImportRefused: runs are in the log otherwise; nothing was taken.
        LedgerError: what ``EventLog`` says; importing the file again goes on from there.
    """
    run_ids = checked.run_ids
    if not run_ids:
        return ImportCounts(checked.lines, 0, 0, 0)
    with EventLog.open(folder, redact=redact) as log:
        missing = _missing(log.reader, checked)
        imported = 0
        there = len(run_ids) - len(missing)
        for start in range(0, len(missing), _BATCH):
            batch = missing[start : start + _BATCH]
            imported += _append(log, [checked.event(run_id) for run_id in batch])
            progress(there + start + len(batch))
    return ImportCounts(checked.lines, len(run_ids), imported, len(run_ids) - imported)


def _missing(reader: LogReader, checked: CheckedFile) -> list[str]:
    """Tell which runs the log does not hold yet.

    Raises:
        ImportRefused: it holds some of them otherwise.
    """
    mark = reader.mark()
    missing: list[str] = []
    refused: list[RefusedLine] = []
    for run_id in checked.run_ids:
        first = next(reader.run_lines(run_id, mark=mark), None)
        if first is None:
            missing.append(run_id)
        elif first.envelope.type != "run_imported":
            reason = f"run {run_id} was recorded in this ledger itself"
            refused.append(RefusedLine(checked.line_number(run_id), reason))
        elif first.envelope.event_id != checked.event_id(run_id):
            reason = f"run {run_id} was imported before, with other values"
            refused.append(RefusedLine(checked.line_number(run_id), reason))
    if refused:
        raise ImportRefused(checked.name, tuple(refused[:_LISTED]), len(refused))
    return missing


def _append(log: EventLog, events: Sequence[NewEvent]) -> int:
    """Append a batch, and tell how many of it were not there."""
    try:
        receipts = log.append_batch(events)
    except (EventIdConflict, IllegalTransition):
        # Somebody imports or records these runs at the same time: find out which.
        return sum(_append_one(log, event) for event in events)
    return sum(not receipt.duplicate for receipt in receipts)


def _append_one(log: EventLog, event: NewEvent) -> bool:
    try:
        return not log.append(event).duplicate
    except EventIdConflict:
        # The same values, so the same id; only the source they are said to come from differs.
        return False
