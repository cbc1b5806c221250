"""A kill and an error at every system call of what a writer does, one after the other.

A first run under the tracer counts the calls of a scenario; then it is run once for each call and
each fault, from the same start, and the log is looked at.
"""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from ledger import EventLog, LogReader
from ledger.disk.folder import LedgerFolder
from ledger.evidence.signed_note import SigningKey
from ledger.evidence.tree_head import origin_of, stored_tree_head
from tests.faults.programs import numbered
from tests.faults.survival import assert_survived
from tests.faults.workshop import CALLS, Job, Workshop, has_strace
from tests.ledger.damage import copy_of, set_mark
from tests.ledger.evidence.whole_tree import root_of
from tests.ledger.examples import acknowledgement
from tests.ledger.forging import leaves_of
from tests.ledger.witness import mark_of

pytestmark = pytest.mark.skipif(not has_strace(), reason="strace injects the faults: install it")

ERRORS = ("EIO", "ENOSPC", "EDQUOT")
_SEED = 7


@dataclass(frozen=True)
class Scenario:
    """What is interrupted: how its folder is made, the program, and what it is called with."""

    prepare: Callable[[Path], None]
    program: str
    arguments: tuple[object, ...] = ()
    needs_key: bool = False

    def call(self, folder: Path, key: str) -> tuple[object, ...]:
        """Give the program and its arguments."""
        words = (key,) if self.needs_key else self.arguments
        return (self.program, folder, *words)


def nothing(_folder: Path) -> None:
    """Make no folder: the program does."""


def some_events(folder: Path) -> None:
    """Make a log of a few lines."""
    with EventLog.open(folder) as log:
        log.append_batch([acknowledgement(f"before {number}") for number in range(3)])


def torn_tail(folder: Path) -> None:
    """Make a log that ends in half a batch, above the mark."""
    some_events(folder)
    mark = mark_of(folder)
    with EventLog.open(folder) as log:
        log.append_batch(numbered("torn", 0, 3))
    set_mark(folder, *mark)
    segment = folder / "events" / f"{1:020d}.jsonl"
    data = segment.read_bytes()
    segment.write_bytes(data[: data.rindex(b"\n", 0, -1) - 40])


SCENARIOS = {
    "make": Scenario(nothing, "append_some", ("w", 1 << 26, 1)),
    "append": Scenario(some_events, "append_some", ("w", 1 << 26, 3)),
    "rotate": Scenario(some_events, "append_some", ("w", 2500, 5)),
    "recover": Scenario(torn_tail, "append_some", ("w", 1 << 26, 2)),
    "append undurably": Scenario(some_events, "append_undurably", ("w",)),
    "sign": Scenario(some_events, "sign", needs_key=True),
}


@dataclass(frozen=True)
class Point:
    """One fault at one call."""

    scenario: str
    fault: str

    @property
    def kills(self) -> bool:
        """Tell whether the process does not outlive it."""
        return "KILL" in self.fault


def faults_of(calls: Counter[str], kinds: Sequence[str]) -> Iterator[str]:
    """Give every fault at every call that was counted.

    An advisory lock knows no error of a disk, so what happens at ``flock`` is only the kill.
    """
    for call in CALLS:
        for number in range(1, calls[call] + 1):
            for kind in kinds:
                if call != "flock" or kind == "signal=KILL":
                    yield f"{call}:{kind}:when={number}"


class Laboratory:
    """Runs the scenarios from the same start, again and again."""

    def __init__(self, workshop: Workshop, scratch: Path, tally: Counter[str]) -> None:
        self.workshop = workshop
        self.tally = tally
        self.scratch = scratch
        self.key = SigningKey.generate("runfold/unknown").encoded

    def prepare(self, name: str) -> Path:
        """Make the folder that a scenario starts from, once."""
        start = self.scratch / name.replace(" ", "-")
        if not start.exists():
            start.mkdir()
            SCENARIOS[name].prepare(start / "log")
        if (start / "log").exists():
            return copy_of(start / "log", "copy")
        shutil.rmtree(start / "copy", ignore_errors=True)
        return start / "copy"

    def run(self, name: str, inject: Sequence[str]) -> tuple[Path, Job, int]:
        """Run a scenario with faults."""
        folder = self.prepare(name)
        arguments = SCENARIOS[name].call(folder, self._key(folder))
        program, *words = map(str, arguments)
        job, code = self.workshop.run(program, *words, inject=inject)
        return folder, job, code

    def count(self, name: str) -> Counter[str]:
        """Count the calls of a scenario without a fault."""
        folder = self.prepare(name)
        program, *words = map(str, SCENARIOS[name].call(folder, self._key(folder)))
        return self.workshop.count_calls(program, *words)

    def _key(self, folder: Path) -> str:
        if not LedgerFolder(folder).exists():
            return self.key
        return SigningKey.generate(origin_of(LogReader(folder).identity)).encoded

    def check(self, point: Point) -> None:
        """Inject one fault, and look at what is left."""
        folder, job, code = self.run(point.scenario, [point.fault])
        if point.kills:
            assert code == -9, f"{point}: it was not killed\n{job.complaints()}"
            self.tally["processes killed at a system call"] += 1
        else:
            assert code == 0, f"{point}\n{job.complaints()}"
            self.tally["errors given to a system call"] += 1
            self.tally["errors of ours that told of them"] += len(job.errors())
        check_head(folder, job, point)
        assert_survived(folder, [job.acknowledged()])
        self.tally["acknowledged events looked for after those faults"] += len(job.acknowledged())


def check_head(folder: Path, job: Job, point: Point) -> None:
    """Check that the signed tree head is the last one that was told, or a later true one."""
    signed = [int(words[1]) for words in job.said() if words[0] == "signed"]
    if not (folder / "tree-head").exists():
        assert not signed, point
        return
    head = stored_tree_head(LedgerFolder(folder))
    assert head is not None
    assert head.signed, point
    assert head.size >= max(signed, default=0), point
    assert head.size <= mark_of(folder)[2], point
    assert head.root == root_of(leaves_of(folder)[: head.size]), point


@pytest.fixture(scope="module")
def laboratory(
    workshop: Workshop, tmp_path_factory: pytest.TempPathFactory, tally: Counter[str]
) -> Laboratory:
    """Give a place to run scenarios in."""
    return Laboratory(workshop, tmp_path_factory.mktemp("laboratory"), tally)


def test_a_sample_of_calls(laboratory: Laboratory) -> None:
    """At calls drawn at random, a killed writer and a failing disk cost nothing acknowledged."""
    draw = random.Random(_SEED)
    kinds = ["signal=KILL", *(f"error={error}" for error in ERRORS)]
    points = []
    for name in SCENARIOS:
        calls = laboratory.count(name)
        assert min(calls["write"], calls["fdatasync"], calls["pwrite64"]) > 0, name
        points += [Point(name, fault) for fault in draw.sample(list(faults_of(calls, kinds)), 4)]
    assert len(points) == 4 * len(SCENARIOS)
    for point in points:
        laboratory.check(point)


@pytest.mark.faults
@pytest.mark.parametrize("kind", ["signal=KILL", *(f"error={error}" for error in ERRORS)])
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_call(laboratory: Laboratory, name: str, kind: str) -> None:
    """Whichever call is interrupted or fails, the log opens, goes on and has all acknowledged."""
    calls = laboratory.count(name)
    faults = list(faults_of(calls, [kind]))
    assert len(faults) >= 15, calls
    for fault in faults:
        laboratory.check(Point(name, fault))


@pytest.mark.faults
@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
@pytest.mark.parametrize("call", ["write", "pwrite64", "fdatasync", "fsync"])
def test_a_disk_that_fails_for_good(laboratory: Laboratory, call: str, error: str) -> None:
    """Where every call of a kind fails from one on, nothing more is acknowledged, all else kept."""
    calls = laboratory.count("rotate")
    for number in range(1, calls[call] + 1):
        fault = f"{call}:error={error}:when={number}+"
        folder, job, code = laboratory.run("rotate", [fault])
        assert code == 1, fault
        assert "it never works again" in job.complaints(), job.complaints()
        laboratory.tally["disks that failed for good"] += 1
        assert_survived(folder, [job.acknowledged()])
