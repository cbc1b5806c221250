"""How much log there is, measured without reading it."""

from __future__ import annotations

import os
from pathlib import Path

from ledger import EventLog, LogReader, RunContext
from ledger.disk.mark import write_poison
from ledger.reading.log_extent import extent_of, poisoned_segment, quarantined_in
from ledger.writers.machine import boot_id


def test_segments_lie_behind_each_other(tmp_path: Path) -> None:
    """Their positions and sizes add up to those of the log, and only the last one is not sealed."""
    folder = tmp_path / "runs"
    with EventLog.open(folder, segment_bytes=2_000) as log:
        for _ in range(4):
            RunContext.start(log, pipeline="nightly").end("success")
    extent = extent_of(LogReader(folder))
    assert len(extent.segments) > 2
    places = [one for each in extent.segments for one in range(each.first, each.last + 1)]
    assert places == list(range(1, extent.position + 1))
    assert extent.size == sum(path.stat().st_size for path in (folder / "events").iterdir())
    assert [one.is_sealed for one in extent.segments[-2:]] == [True, False]
    assert (extent.above, extent.poisoned) == (0, None)


def test_a_torn_tail_lies_above_the_mark_and_then_in_quarantine(tmp_path: Path) -> None:
    """What was never finished is counted apart, and once it is cut off, its bytes are kept."""
    folder = tmp_path / "runs"
    EventLog.open(folder).close()
    reader = LogReader(folder)
    assert quarantined_in(reader.folder) == ()
    with reader.folder.segment(1).open("ab") as segment:
        segment.write(b"torn")
    assert extent_of(reader).above == 4
    EventLog.open(folder).close()
    assert extent_of(reader).above == 0
    (kept,) = quarantined_in(reader.folder)
    assert kept.size == 4


def test_a_segment_whose_sync_failed_is_named(tmp_path: Path) -> None:
    """Whoever looks is told of it until the segment is replaced, and not without a lock file."""
    folder = tmp_path / "runs"
    EventLog.open(folder).close()
    reader = LogReader(folder)
    fd = os.open(reader.folder.lock, os.O_RDWR)
    write_poison(fd, 1, boot_id())
    os.close(fd)
    assert extent_of(reader).poisoned == "00000000000000000001.jsonl"
    assert poisoned_segment(reader.folder) == 1

    EventLog.open(folder).close()

    assert poisoned_segment(reader.folder) is None
    reader.folder.lock.unlink()
    assert poisoned_segment(reader.folder) is None
