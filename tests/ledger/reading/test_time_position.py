"""``position_at``: the last position recorded by a time, wherever it lies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ledger import EventLog, LogReader
from ledger.disk.folder import LedgerFolder
from ledger.reading.time_position import position_at
from tests.ledger.examples import one_run

LONG = timedelta(days=10_000)
INSTANT = timedelta(microseconds=1)


def ledger_of(folder: Path, segment_bytes: int) -> LogReader:
    """Write some runs, so that several lines share a batch and so a time."""
    with EventLog.open(folder, segment_bytes=segment_bytes, durability="process") as log:
        for number in range(12):
            log.append_batch(one_run(f"run-{number}-{'x' * (number * 7)}"))
        log.sync()
    return LogReader(folder)


@pytest.mark.parametrize("segment_bytes", [2_000, 1 << 26])
def test_each_time_means_the_last_position_by_then(tmp_path: Path, segment_bytes: int) -> None:
    """At each recorded time, right before it, and far away on both sides; in one file or many."""
    reader = ledger_of(tmp_path, segment_bytes)
    recorded = {event.position: event.recorded_at for event in reader.read()}
    moments = {moment + step for moment in recorded.values() for step in (-INSTANT, 0 * INSTANT)}
    moments |= {recorded[1] - LONG, recorded[1] + LONG}

    for moment in moments:
        by_then = [position for position, time in recorded.items() if time <= moment]
        assert position_at(reader, moment) == max(by_then, default=0)
    assert (len(reader.folder.segments()) > 1) == (segment_bytes == 2_000)


def test_what_is_not_durable_is_no_past(tmp_path: Path) -> None:
    """Bytes behind the mark are not looked at."""
    reader = ledger_of(tmp_path, 1 << 26)
    last = reader.position
    path = LedgerFolder(tmp_path).segment(1)
    path.write_bytes(path.read_bytes() + path.read_bytes()[:700])

    assert position_at(reader, datetime.now(UTC)) == last


def test_a_damaged_line_tells_nothing(tmp_path: Path) -> None:
    """The search passes over it, and finds those around it."""
    reader = ledger_of(tmp_path, 1 << 26)
    events = list(reader.read())
    path = LedgerFolder(tmp_path).segment(1)
    lines = path.read_bytes().splitlines(keepends=True)
    for number in (0, 5, 6, 20):
        lines[number] = b"\x00" * (len(lines[number]) - 1) + b"\n"
    path.write_bytes(b"".join(lines))

    for event in events[6:]:
        found = position_at(reader, event.recorded_at)
        sound = [
            one.position
            for one in events
            if one.recorded_at <= event.recorded_at and one.position - 1 not in (0, 5, 6, 20)
        ]
        assert found == max(sound)
