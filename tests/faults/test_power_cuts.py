"""A power cut after every call of what a program does: what was told is on the disk.

A program runs once under the tracer. Then the disk is worked out for a power cut after each of its
calls, with nothing of what no sync has confirmed, with all of it, and with some (``power_cut.py``
has the rules). Each of these disks is written out, and looked at as the next boot finds it.
"""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from ledger import LogReader
from ledger.disk.folder import LedgerFolder
from ledger.evidence.signed_note import SigningKey
from ledger.evidence.tree_head import origin_of, stored_tree_head
from ledger.integrity.verify import verify
from ledger.remote.spool import Spool, left_spools
from tests.faults.power_cut import Disk, Luck, always, mixed, never
from tests.faults.recorded_calls import Call
from tests.faults.survival import assert_survived
from tests.faults.test_care_calls import (
    BACKUPS,
    REPAIRS,
    check_copied,
    check_repaired,
    lines_to_keep,
)
from tests.faults.test_every_call import SCENARIOS
from tests.faults.workshop import Workshop, has_strace
from tests.ledger.damage import set_mark
from tests.ledger.damaged_logs import make_log
from tests.ledger.examples import FIRST_BOOT
from tests.ledger.witness import mark_of

pytestmark = pytest.mark.skipif(not has_strace(), reason="strace writes the calls down: install it")

_SEED = 23
_MIXED = 4
_UNTOLD = ("close", "lseek")


@dataclass(frozen=True)
class Line:
    """A line that a thread of the program had said when the power was cut, as words."""

    thread: int
    words: Sequence[str]


Told = Sequence[Line]
Check = Callable[[Path, Told], None]
"""Looks at what is left in the root, at the next boot."""


class PowerCuts:
    """Cuts the power again and again, and counts it."""

    def __init__(self, workshop: Workshop, scratch: Path, tally: Counter[str]) -> None:
        self.root = scratch / "disk"
        self.root.mkdir()
        self._workshop = workshop
        self._scratch = scratch
        self._tally = tally

    def run(
        self, check: Check, program: str, *words: object, inject: Sequence[str] = (), step: int = 1
    ) -> None:
        """Run a program on what is in the root, and look at what each power cut leaves.

        ``step`` looks only after every so many calls.
        """
        disk, told, number = Disk(self.root), list[Line](), 0
        calls = self._workshop.record(program, *words, inject=inject)
        for at, lucks in enumerate(_power_cuts(disk, calls, told)):
            for luck in lucks if at % step == 0 else ():
                number += 1
                left = self._scratch / str(number)
                disk.left(luck, left)
                check(left, told)
                shutil.rmtree(left)
        assert told
        assert number > len(calls) // step // 2
        self._tally["power cuts"] += number


def _power_cuts(disk: Disk, calls: Sequence[Call], told: list[Line]) -> Iterator[Sequence[Luck]]:
    """Follow the calls; after each that changes or tells something, give what may be left."""
    draw = random.Random(_SEED)
    for call in calls:
        disk.apply(call)
        if call.name == "writev":
            said = b"".join(call.texts).decode().splitlines()
            told += [Line(call.thread, line.split()) for line in said]
        if call.name not in _UNTOLD and call.done:
            yield [never, always, *(mixed(draw) for _ in range(_MIXED))]


@pytest.fixture
def power(workshop: Workshop, shm: Path, tally: Counter[str]) -> PowerCuts:
    """Give a disk whose power is cut."""
    return PowerCuts(workshop, shm, tally)


def told_with(told: Told, word: str) -> list[str]:
    """Give what was told after a word, in order."""
    return [line.words[-1] for line in told if line.words[0] == word]


def boot_anew(folder: Path) -> None:
    """Let the mark be that of an earlier boot, as each mark is after a power cut."""
    lock = folder / "lock"
    if lock.exists() and lock.read_bytes()[:128].strip(b"\0"):
        set_mark(folder, *mark_of(folder), boot=FIRST_BOOT)


def check_writer(root: Path, told: Told) -> None:
    """See all that was acknowledged, before a writer opens the log and after."""
    folder = root / "log"
    boot_anew(folder)
    # Who waits for no sync is told when one was.
    undurable = told_with(told, "undurable") and not told_with(told, "durable")
    acknowledged = [] if undurable else told_with(told, "ack")
    if acknowledged:
        ids = {event.event_id for event in LogReader(folder).read()}
        assert ids.issuperset(acknowledged), "a reader does not see it at the next boot"
        verified = verify(folder, jobs=1)
        assert verified.sound, verified.findings
    head = stored_tree_head(LedgerFolder(folder))
    assert (head.size if head else 0) >= max(map(int, told_with(told, "signed")), default=0)
    if folder.exists() or acknowledged:
        threads = {line.thread for line in told if acknowledged}
        each = [[line for line in told if line.thread == thread] for thread in threads]
        assert_survived(folder, [told_with(lines, "ack") for lines in each])


def check_spool(root: Path, told: Told) -> None:
    """See all that was kept for a ledger elsewhere, to be sent or set aside."""
    found = b""
    for path in left_spools(root / "spool"):
        if spool := Spool.take_over(path):
            found += b"".join(bytes(record.event) for record, _ in spool.read(0))
            spool.close()
    found += b"".join(path.read_bytes() for path in root.glob("spool/*.refused.jsonl"))
    for event_id in [] if told_with(told, "sent") else told_with(told, "ack"):
        assert msgspec.json.encode(event_id) in found


def write(power: PowerCuts, name: str, inject: Sequence[str] = (), step: int = 1) -> None:
    """Run a scenario of a writer."""
    scenario, folder = SCENARIOS[name], power.root / "log"
    scenario.prepare(folder)
    exists = LedgerFolder(folder).exists()
    key = SigningKey.generate(origin_of(LogReader(folder).identity)).encoded if exists else ""
    power.run(check_writer, *map(str, scenario.call(folder, key)), inject=inject, step=step)


def test_a_sample_of_power_cuts(power: PowerCuts) -> None:
    """Whatever the disk keeps of what was not synced, all that was acknowledged is there."""
    write(power, "rotate", step=9)


@pytest.mark.faults
@pytest.mark.parametrize("name", SCENARIOS)
def test_power_cuts_of_writers(power: PowerCuts, name: str) -> None:
    """After any call of a writer or signer, all that was acknowledged or signed is there."""
    write(power, name)


@pytest.mark.faults
@pytest.mark.parametrize("fault", [None, "fdatasync:error=EIO:when=3"])
def test_power_cuts_of_many_writers(power: PowerCuts, fault: str | None) -> None:
    """What one process was told by the sync of another is there, also where syncs fail."""
    folder = power.root / "log"
    SCENARIOS["rotate"].prepare(folder)
    inject = [fault] if fault else []
    power.run(check_writer, "append_beside_forks", folder, 3, 5, inject=inject, step=2)


@pytest.mark.faults
@pytest.mark.parametrize("number", range(1, 7))
def test_power_cuts_after_a_sync_that_failed(power: PowerCuts, number: int) -> None:
    """What a failed sync left unwritten is on the disk by another way once it is acknowledged."""
    write(power, "rotate", [f"fdatasync:error=EIO:when={number}"], step=2)


@pytest.mark.faults
@pytest.mark.parametrize("name", REPAIRS)
def test_power_cuts_of_repairs(power: PowerCuts, name: str) -> None:
    """After any call of a repair no sound line is lost, and the next repair completes it."""
    folder = make_log(power.root / "log")
    REPAIRS[name](folder)
    before = lines_to_keep(name, folder)

    def check(root: Path, _told: Told) -> None:
        boot_anew(root / "log")
        check_repaired(root / "log", before)

    power.run(check, "mend", folder, step=2)


@pytest.mark.faults
@pytest.mark.parametrize("name", BACKUPS)
def test_power_cuts_of_backups(power: PowerCuts, name: str) -> None:
    """After any call of a backup the log is as it was; the copy is whole, or completed later."""
    folder, target = make_log(power.root / "log"), power.root / "copy"
    BACKUPS[name](folder, target)

    def check(root: Path, told: Told) -> None:
        boot_anew(root / "log")
        boot_anew(root / "copy")
        if told:
            assert verify(root / "copy", jobs=1).position == int(told[0].words[1])
        check_copied(root / "log", root / "copy")

    power.run(check, "copy", folder, target)


@pytest.mark.faults
def test_power_cuts_of_a_spool(power: PowerCuts) -> None:
    """After any call of who keeps events for a ledger elsewhere, all that was kept is there."""
    power.run(check_spool, "keep", power.root / "spool")
