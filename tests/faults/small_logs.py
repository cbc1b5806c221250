"""Small logs whose every byte can be harmed, and where each of their batches ends."""

from __future__ import annotations

from pathlib import Path

from ledger import EventLog, LedgerError, LogReader
from ledger.disk.mark import Mark, write_mark
from tests.ledger.damage import copy_of
from tests.ledger.examples import FIRST_BOOT, acknowledgement, one_run
from tests.ledger.witness import assert_whole, raw_lines

__all__ = ["batch_ends", "refuses_or_cuts", "small_log", "with_segment"]

SEGMENT = f"{1:020d}.jsonl"


def small_log(folder: Path) -> Path:
    """Make a log of nine lines in five batches, in one segment."""
    with EventLog.open(folder) as log:
        log.append(acknowledgement("first"))
        log.append_batch(one_run("run-1"))
        log.append(acknowledgement("between"))
        log.append_batch([acknowledgement("half"), acknowledgement("other half")])
    return folder


def batch_ends(folder: Path) -> list[tuple[int, int]]:
    """Give the byte and the position after each whole batch, from nothing on."""
    found, total = [(0, 0)], 0
    for raw, line in zip(raw_lines(folder), assert_whole(folder), strict=True):
        total += len(raw) + 1
        if line["rest"] == 0:
            found.append((total, line["position"]))
    return found


def with_segment(folder: Path, data: bytes, mark: tuple[int, int] | None) -> Path:
    """Copy a log of one segment with other bytes in it, and the mark at an offset and position."""
    copy = copy_of(folder, "harmed")
    (copy / "events" / SEGMENT).write_bytes(data)
    if mark is None:
        (copy / "lock").unlink()
    else:
        with (copy / "lock").open("r+b") as lock:
            write_mark(lock.fileno(), Mark(1, *mark, FIRST_BOOT))
    return copy


def refuses_or_cuts(folder: Path) -> str | None:
    """Open and read a log; give the name of what it raises, or None."""
    try:
        EventLog.open(folder).close()
        for _ in LogReader(folder).read():
            pass
    except LedgerError as error:
        return type(error).__name__
    return None
