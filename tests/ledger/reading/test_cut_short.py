"""A log that is shorter than its durable mark, told by the size of one file."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import EventLog, LogReader
from ledger.reading.cut_short import find_cut
from ledger.reading.sound_reading import OutOfReach
from tests.ledger.damage import cut, last_segment
from tests.ledger.examples import one_run


@pytest.fixture
def reader(tmp_path: Path) -> LogReader:
    """Give the reader of a log of five lines."""
    with EventLog.open(tmp_path / "runs") as log:
        log.append_batch(one_run("r"))
    return LogReader(tmp_path / "runs")


def cut_of(reader: LogReader) -> OutOfReach | None:
    """Look at a log as every read does."""
    return find_cut(reader.folder, reader.mark())


def test_a_whole_log_is_not_cut_short(reader: LogReader) -> None:
    """Nor is one with more behind the mark."""
    assert cut_of(reader) is None
    with last_segment(reader.folder.path).open("ab") as file:
        file.write(b"torn")
    assert cut_of(reader) is None


@pytest.mark.parametrize("kept", range(6))
def test_each_line_that_is_gone_is_counted(reader: LogReader, kept: int) -> None:
    """Also where half of it is there: what is lost are the positions behind the last whole line."""
    lines = last_segment(reader.folder.path).read_bytes().splitlines(keepends=True)
    whole = sum(map(len, lines[:kept]))
    half = len(lines[kept]) // 2 if kept < len(lines) else 0
    for size in (whole, whole + half):
        cut(reader.folder.path, size)
        found = cut_of(reader)
        if kept == len(lines):
            assert found is None
        else:
            assert found is not None
            assert (found.first, found.last, found.offset) == (kept + 1, 5, size)
        last_segment(reader.folder.path).write_bytes(b"".join(lines))


def test_a_segment_that_is_gone_is_cut_at_its_begin(reader: LogReader) -> None:
    """All its positions are out of reach."""
    segment = last_segment(reader.folder.path)
    segment.unlink()

    found = cut_of(reader)

    assert found is not None
    assert (found.first, found.last, found.segment) == (1, 5, segment.name)
