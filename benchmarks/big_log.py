"""A log of many whole runs, made as fast as the codec goes: the bytes that appends would leave.

Each run has eight events: its start, three stages that start and complete, its end. Deterministic,
but for nothing: the same numbers give the same bytes.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.measuring import report, timed
from ledger import LogReader
from ledger.disk.folder import Identity, LedgerFolder
from ledger.disk.lock import open_lock_file
from ledger.disk.mark import Mark, write_mark
from ledger.events import (
    EventData,
    LedgerCreated,
    NewEvent,
    RunEnded,
    RunStarted,
    StageCompleted,
    StageStarted,
    WriterIdentity,
)
from ledger.line.codec import FORMAT, ZERO_HASH, Body, encode_body, encode_line, leaf_hash
from ledger.plain_values import utc_text

EVENTS_A_RUN = 8
SEGMENT_BYTES = 64 * 1024 * 1024
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
PIPELINES = ("nightly", "hourly", "market-data", "reports", "billing")
WRITER = WriterIdentity(host="bench", machine_id="0" * 32, boot_id=str(uuid.UUID(int=0)), pid=1)


def payloads(number: int) -> tuple[EventData, ...]:
    """Give the events of one run; every 50th fails."""
    failed = number % 50 == 0
    events: list[EventData] = [
        RunStarted(
            pipeline=PIPELINES[number % 5],
            stages=("load", "clean", "report"),
            metadata={"day": number % 365, "team": "data"},
            writer=WRITER,
        )
    ]
    for stage in ("load", "clean", "report"):
        events.append(StageStarted(stage=stage, attempt=1))
        events.append(
            StageCompleted(
                stage=stage,
                attempt=1,
                metrics={"rows": number},
                elapsed_seconds=0.5 + number % 97 / 10,
            )
        )
    events.append(
        RunEnded(
            result="failed" if failed else "success",
            failure_reason="Stage report failed: ValueError: no rows" if failed else None,
            elapsed_seconds=2.0 + number % 311 / 10,
        )
    )
    return tuple(events)


def run_name(number: int) -> str:
    """Name the run of this number."""
    return f"run-{number:08d}"


def bodies(
    runs: int, payloads: Callable[[int], Sequence[EventData]] = payloads, kinds: int = 5 * 50
) -> Iterator[tuple[Body, int]]:
    """Yield each event's body and its sequence; so many kinds of runs are encoded once."""
    created = encode_body(
        NewEvent(LedgerCreated(ledger_id=ledger_id(runs), format=FORMAT), occurred_at=BEGIN)
    )
    yield created, 0
    shapes = [
        [encode_body(NewEvent(data, "x", occurred_at=BEGIN)) for data in payloads(number)]
        for number in range(kinds)
    ]
    for number in range(runs):
        moment = utc_text(BEGIN + timedelta(seconds=20 * number))
        for sequence, shape in enumerate(shapes[number % len(shapes)], 1):
            event_id = f"{number:08x}-0000-4000-8000-{sequence:012x}"
            yield (
                Body(
                    event_id, run_name(number), shape.type, shape.schema_version, moment, shape.data
                ),
                sequence,
            )


def ledger_id(runs: int) -> str:
    """Give the identity of the log of so many runs."""
    return str(uuid.UUID(int=runs, version=4))


def make_log(folder: Path, runs: int, made: Iterable[tuple[Body, int]] | None = None) -> int:
    """Write the log into an empty folder; give its last position."""
    layout = LedgerFolder(folder)
    folder.mkdir(parents=True)
    layout.create(Identity(ledger_id(runs), FORMAT, utc_text(BEGIN)))
    segment, offset, position, leaf = 1, 0, 0, ZERO_HASH
    lines: list[bytes] = []
    file = layout.segment(1).open("wb")
    for body, sequence in made or bodies(runs):
        line = encode_line(
            body,
            position=position + 1,
            prev=leaf,
            sequence=sequence,
            rest=0,
            recorded_at=body.occurred_at,
        )
        if offset + len(line) > SEGMENT_BYTES:
            file.write(b"".join(lines))
            file.close()
            lines, segment, offset = [], position + 1, 0
            file = layout.segment(segment).open("wb")
        lines.append(line)
        position, leaf, offset = position + 1, leaf_hash(line[:-1]), offset + len(line)
        if len(lines) >= 10_000:
            file.write(b"".join(lines))
            lines.clear()
    file.write(b"".join(lines))
    file.close()
    fd = open_lock_file(layout.lock)
    write_mark(fd, Mark(segment, offset, position, "0" * 36))
    return position


def index_log(folder: Path) -> None:
    """Index all sealed segments, as writers do when they rotate."""
    reader = LogReader(folder, keep_index=True)
    for first in reader.folder.segments()[:-1]:
        reader.run_index.seal(first)


def main() -> None:
    """Make a log: ``python -m benchmarks.big_log FOLDER RUNS``."""
    folder, runs = Path(sys.argv[1]), int(sys.argv[2])
    report(f"written in {timed(lambda: make_log(folder, runs)):.1f} s")
    report(f"indexed in {timed(lambda: index_log(folder)):.1f} s")


if __name__ == "__main__":
    main()
