"""Write logs that no ``EventLog`` wrote: long ones quickly, and forged ones that look sound.

A forger here has everything but the key: each line's CRC, position and ``prev`` are made right.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ledger import EventLog
from ledger.disk.mark import Mark, write_mark
from ledger.evidence.merkle import hash_leaf
from ledger.line.codec import leaf_hash
from tests.ledger.examples import acknowledgement, event_id, one_run, run_annotated
from tests.ledger.witness import raw_lines, segments_of

__all__ = [
    "BATCH",
    "LONG_AGO",
    "altered",
    "forge",
    "leaves_of",
    "log_of_two_runs",
    "long_log",
    "put_lines",
    "rechained",
    "short_log",
]

BATCH = 50
"""How many lines ``short_log`` appends together."""
LONG_AGO = "1999-12-31T23:59:59.999999Z"
"""When a forger says that something happened."""


def short_log(folder: Path, count: int) -> Path:
    """Make a log of exactly ``count`` lines, or add to one until it has that many."""
    with EventLog.open(folder) as log:
        missing = count - log.position
        for start in range(0, missing, BATCH):
            log.append_batch([acknowledgement() for _ in range(min(BATCH, missing - start))])
        assert log.position == count
    return folder


def log_of_two_runs(folder: Path) -> Path:
    """Make a log in which ``run-1`` (six events) and ``run-2`` lie in each other's way."""
    short_log(folder, 300)
    with EventLog.open(folder) as log:
        for first, second in zip(one_run("run-1"), one_run("run-2"), strict=True):
            log.append(first)
            log.append(second)
            log.append(acknowledgement())
        log.append_batch([run_annotated("run-1"), run_annotated("run-1", "again")])
    return short_log(folder, 600)


def long_log(folder: Path, count: int) -> Path:
    """Make a log of ``count`` lines of no meaning, as quickly as they can be written."""
    EventLog.open(folder).close()
    lines = raw_lines(folder)
    prev = leaf_hash(lines[0])
    for position in range(2, count + 1):
        checked = (
            f'{{"position":{position},"prev":"{prev}","event_id":"{event_id(position)}",'
            '"run_id":null,"sequence":0,"rest":0,"type":"failure_acknowledged",'
            '"schema_version":1,"occurred_at":"2026-01-15T10:00:00.000000Z",'
            '"recorded_at":"2099-01-15T10:00:00.000000Z","data":{}'
        ).encode()
        line = b'%b,"crc":"%08x"}' % (checked, zlib.crc32(checked))
        prev = leaf_hash(line)
        lines.append(line)
    put_lines(folder, lines)
    return folder


def leaves_of(folder: Path) -> list[bytes]:
    """Give the leaf hashes of a log, from its bytes."""
    return [hash_leaf(line) for line in raw_lines(folder)]


def rechained(lines: Iterable[bytes]) -> list[bytes]:
    """Give positions, prevs and CRCs of their own to lines in any order, each a batch of one."""
    chained: list[bytes] = []
    prev = "0" * 64
    for position, line in enumerate(lines, 1):
        chained.append(altered(line, position=position, prev=prev, rest=0))
        prev = leaf_hash(chained[-1])
    return chained


def altered(line: bytes, **values: Any) -> bytes:
    """Give a line other values, and the right CRC for them."""
    value: dict[str, Any] = json.loads(line) | values
    del value["crc"]
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    checked = text.encode()[:-1]
    return b'%b,"crc":"%08x"}' % (checked, zlib.crc32(checked))


def forge(folder: Path, position: int) -> None:
    """Rewrite the line at a position, and chain everything anew so that it looks sound."""
    lines = raw_lines(folder)
    lines[position - 1] = altered(lines[position - 1], occurred_at=LONG_AGO)
    put_lines(folder, rechained(lines))


def put_lines(folder: Path, lines: Sequence[bytes]) -> None:
    """Let these lines be the whole log, in one segment, all of it durable."""
    for path in segments_of(folder):
        path.unlink()
    data = b"".join(line + b"\n" for line in lines)
    (folder / "events" / f"{1:020d}.jsonl").write_bytes(data)
    for index in (folder / "index").glob("*"):
        index.unlink()
    fd = os.open(folder / "lock", os.O_RDWR)
    write_mark(fd, Mark(1, len(data), len(lines)))
    os.close(fd)
