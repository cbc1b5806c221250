"""Evidence from a big log: a root, a proof, a run's evidence file, and what a first look costs.

Run: ``python -m benchmarks.evidence [events] [folder]`` (a million events by default)
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from benchmarks.measuring import report, timed
from ledger.disk.folder import Identity, LedgerFolder
from ledger.disk.mark import Mark, write_mark
from ledger.events import EventData, LedgerCreated, NewEvent, RunEnded, StageCompleted, StageStarted
from ledger.evidence.evidence_file import make_evidence
from ledger.evidence.extension import check_extends
from ledger.evidence.merkle import verify_inclusion
from ledger.evidence.tree import LedgerTree, root_from_lines
from ledger.evidence.tree_head import current_tree_head
from ledger.line.codec import FORMAT, ZERO_HASH, Body, encode_body, encode_line, leaf_hash
from ledger.reading.reader import LogReader

SEGMENT = 64 * 1024 * 1024
RECORDED_AT = "2026-01-15T10:00:00.000000Z"
LEDGER_ID = "00000000-0000-4000-8000-000000000000"
ROUNDS = 20


def bodies() -> list[Body]:
    """Give the lines of a short run, encoded once."""
    data: list[EventData] = []
    for stage in ("load", "check"):
        data.append(StageStarted(stage=stage, attempt=1))
        data.append(
            StageCompleted(stage=stage, attempt=1, metrics={"rows": 1}, elapsed_seconds=0.5)
        )
    data.append(RunEnded(result="success", elapsed_seconds=2.0))
    return [encode_body(NewEvent(item, "run")) for item in data]


def lines(count: int) -> Iterator[bytes]:
    """Yield the lines of a sound log."""
    created = NewEvent(LedgerCreated(ledger_id=LEDGER_ID, format=FORMAT))
    line = encode_line(
        encode_body(created),
        position=1,
        prev=ZERO_HASH,
        sequence=0,
        rest=0,
        recorded_at=RECORDED_AT,
    )
    yield line
    run = bodies()
    for position in range(2, count + 1):
        number, sequence = divmod(position - 2, len(run))
        body = run[sequence]
        line = encode_line(
            Body(
                f"00000000-0000-4000-8000-{position:012x}",
                f"run-{number}",
                body.type,
                body.schema_version,
                body.occurred_at,
                body.data,
            ),
            position=position,
            prev=leaf_hash(line[:-1]),
            sequence=sequence + 1,
            rest=0,
            recorded_at=RECORDED_AT,
        )
        yield line


def write_log(path: Path, count: int) -> None:
    """Write a sound log of ``count`` events as fast as it goes: nothing is synced."""
    folder = LedgerFolder(path)
    folder.path.mkdir()
    folder.create(Identity(LEDGER_ID, FORMAT, RECORDED_AT))
    first, offset = 1, 0
    file = folder.segment(1).open("wb")
    for position, line in enumerate(lines(count), 1):
        if offset + len(line) > SEGMENT:
            file.close()
            first, offset = position, 0
            file = folder.segment(first).open("wb")
        file.write(line)
        offset += len(line)
    file.close()
    fd = os.open(folder.lock, os.O_RDWR | os.O_CREAT)
    write_mark(fd, Mark(first, offset, count))
    os.close(fd)


def milliseconds(action: Callable[[], object], rounds: int = ROUNDS) -> str:
    """Time an action again and again: median and worst."""
    times = [timed(action) * 1e3 for _ in range(rounds)]
    return f"{statistics.median(times):.1f} ms, at worst {max(times):.1f} ms"


def cold_root(path: Path) -> bytes:
    """Give the newest root with nothing in memory but the code."""
    tree = LedgerTree(LogReader(path))
    return tree.root(tree.extend())


def cold_proof(path: Path, index: int) -> None:
    """Make and check one proof with nothing in memory but the code."""
    tree = LedgerTree(LogReader(path))
    size = tree.extend()
    proof = tree.inclusion_proof(index, size)
    assert verify_inclusion(index, size, leaf=tree.leaf(index), proof=proof, root=tree.root(size))


def measure(path: Path, count: int) -> None:
    """Report what each thing takes on a log of ``count`` events."""
    began = time.perf_counter()
    cold_root(path)
    seconds = time.perf_counter() - began
    report(f"the tree from nothing: {seconds:.1f} s, {count / seconds:,.0f} events/s")
    report(f"file tree: {(path / 'tree').stat().st_size / count:.2f} bytes an event")
    report(f"a root, cold: {milliseconds(lambda: cold_root(path))}")
    random = Random(1)
    report(f"a proof, cold: {milliseconds(lambda: cold_proof(path, random.randrange(count)))}")
    tree = LedgerTree(LogReader(path))
    size = tree.extend()
    warm = milliseconds(lambda: tree.inclusion_proof(random.randrange(count), size))
    report(f"a proof, warm: {warm}")
    reader, run = LogReader(path), f"run-{count // 20}"
    assert make_evidence(reader, run)
    evidence = milliseconds(lambda: make_evidence(reader, run))
    report(f"the evidence file of a run, where its lines are known: {evidence}")
    head = current_tree_head(LogReader(path))
    quick = milliseconds(lambda: check_extends(LogReader(path), head, quick=True))
    report(f"consistency with a head, quick: {quick}")
    seconds = timed(lambda: root_from_lines(LogReader(path), count))
    report(f"a root from every line: {seconds:.1f} s, {count / seconds:,.0f} events/s")


def main() -> None:
    """Measure everything on a log of its own."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    parent = sys.argv[2] if len(sys.argv) > 2 else None
    with tempfile.TemporaryDirectory(dir=parent) as name:
        path = Path(name) / "log"
        seconds = timed(lambda: write_log(path, count))
        report(f"a log of {count:,} events, written in {seconds:.0f} s")
        measure(path, count)


if __name__ == "__main__":
    main()
