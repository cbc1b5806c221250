"""A kill at every system call of a repair and of a backup: both can be run again, and lose nothing.

As in ``test_every_call.py``, a first run under the tracer counts the calls; then the command is
run once for each of them, from the same start.
"""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ledger import EventLog, LogReader, RecordedEvent
from ledger.integrity.backup import back_up
from ledger.integrity.repair import plan_repair, repair
from ledger.integrity.verify import verify
from tests.faults.workshop import CALLS, Workshop, has_strace
from tests.ledger.damage import cut, flip, last_segment, lose_lock
from tests.ledger.damaged_logs import make_log
from tests.ledger.examples import acknowledgement, one_run
from tests.ledger.witness import mark_of, segments_of, snapshot

pytestmark = pytest.mark.skipif(not has_strace(), reason="strace injects the faults: install it")

_SEED = 11
_SAMPLE = 4


def spoil_middle(folder: Path) -> None:
    """Flip a bit of a line in the middle of the second segment, and another one further on."""
    for path in segments_of(folder)[1:3]:
        flip(path, path.stat().st_size // 2)


def spoil_end(folder: Path) -> None:
    """Flip a bit of the last line, behind which no other can be appended."""
    flip(last_segment(folder), last_segment(folder).stat().st_size - 40)


def cut_short(folder: Path) -> None:
    """Cut the log below its mark, so that positions are given out again."""
    cut(folder, last_segment(folder).stat().st_size // 2)


def lose_end(folder: Path) -> None:
    """Lose the active segment, and spoil the one before it."""
    last_segment(folder).unlink()
    spoil_end(folder)


def lose_identity_and_mark(folder: Path) -> None:
    """Lose ``ledger.json`` and the lock, and lines in the middle."""
    (folder / "ledger.json").unlink()
    lose_lock(folder)
    spoil_middle(folder)


REPAIRS: dict[str, Callable[[Path], None]] = {
    "repair the middle": spoil_middle,
    "repair the end": spoil_end,
    "repair a log cut short": cut_short,
    "repair a log without its end": lose_end,
    "repair identity and mark": lose_identity_and_mark,
}


def no_copy(_folder: Path, _target: Path) -> None:
    """Make no copy: the backup is the first."""


def earlier_copy(folder: Path, target: Path) -> None:
    """Make a copy, then let the log go on into further segments."""
    back_up(folder, target)
    with EventLog.open(folder, segment_bytes=4096) as log:
        for number in range(3):
            log.append_batch(one_run(f"later-{number}"))


def torn_copy(folder: Path, target: Path) -> None:
    """Make an earlier copy that ends in half a line, as an interrupted backup leaves it."""
    earlier_copy(folder, target)
    with last_segment(target).open("ab") as file:
        file.write(b'{"position":')


BACKUPS: dict[str, Callable[[Path, Path], None]] = {
    "back up for the first time": no_copy,
    "back up again": earlier_copy,
    "back up over a torn copy": torn_copy,
}


def sound_lines(folder: Path) -> dict[int, bytes]:
    """Give the lines that can be read, damage or not."""
    items = LogReader(folder).read_sound()
    return {item.position: item.line for item in items if isinstance(item, RecordedEvent)}


@dataclass(frozen=True)
class Laboratory:
    """Interrupts repairs and backups, each from the same start, again and again."""

    workshop: Workshop
    scratch: Path
    tally: Counter[str]

    def prepare(self, name: str) -> tuple[str, ...]:
        """Put the folders of a scenario back to their start; give the program and its arguments."""
        start = self.scratch / name.replace(" ", "-")
        if not start.exists():
            log = make_log(start / "log")
            if name in REPAIRS:
                REPAIRS[name](log)
            else:
                BACKUPS[name](log, start / "copy")
        now = self.scratch / "now"
        shutil.rmtree(now, ignore_errors=True)
        shutil.copytree(start, now)
        if name in REPAIRS:
            return "mend", str(now / "log")
        return "copy", str(now / "log"), str(now / "copy")

    def faults(self, name: str) -> Iterator[str]:
        """Give a kill at each call of a scenario."""
        calls = self.workshop.count_calls(*self.prepare(name))
        assert calls["fsync"] + calls["fdatasync"] > 1, calls
        for call in CALLS:
            for number in range(1, calls[call] + 1):
                yield f"{call}:signal=KILL:when={number}"

    def check(self, name: str, fault: str) -> None:
        """Kill a repair or a backup at one call, and look at what it leaves."""
        program, *words = self.prepare(name)
        folder = Path(words[0])
        before, bytes_before = lines_to_keep(name, folder), snapshot(folder)
        job, code = self.workshop.run(program, *words, inject=[fault])
        assert code == -9, f"{name}, {fault}: it was not killed\n{job.complaints()}"
        if name in REPAIRS:
            check_repaired(folder, before)
            self.tally["repairs killed at a system call"] += 1
        else:
            assert snapshot(folder) == bytes_before, f"{name}, {fault}: the log was changed"
            check_copied(folder, Path(words[1]))
            self.tally["backups killed at a system call"] += 1
        self.tally["sound lines looked for after those kills"] += len(before)


def lines_to_keep(name: str, folder: Path) -> dict[int, bytes]:
    """Give the lines that a repair or a backup must leave as they are."""
    if name != "repair identity and mark":
        return sound_lines(folder)
    # Without who it is, no reader opens it: what can be read is what a repair would keep.
    copy = folder.with_name("repaired")
    shutil.copytree(folder, copy)
    repair(copy, actor="anna", reason="a look at what is sound", jobs=1)
    lines = sound_lines(copy)
    shutil.rmtree(copy)
    del lines[max(lines)]
    return lines


def check_repaired(folder: Path, before: dict[int, bytes]) -> None:
    """See the next repair complete; each line that was sound is there; the log goes on."""
    done = repair(folder, actor="berta", reason="the first one was killed", jobs=1)
    assert not done.left
    assert verify(folder, jobs=1).findings == ()
    assert not plan_repair(folder, jobs=1).needed
    with EventLog.open(folder) as log:
        log.append(acknowledgement("after"))
    found = verify(folder, jobs=1)
    assert found.sound, found.findings
    assert sound_lines(folder).items() >= before.items()


def check_copied(folder: Path, target: Path) -> None:
    """See the next backup complete; the copy is the log, whole, and fit to be written to."""
    done = back_up(folder, target)
    assert done.position == mark_of(folder)[2]
    assert sound_lines(target) == sound_lines(folder)
    assert verify(target, jobs=1).findings == ()
    with EventLog.open(target) as log:
        log.append(acknowledgement("after"))
    assert verify(target, jobs=1).sound


@pytest.fixture(scope="module")
def laboratory(
    workshop: Workshop, tmp_path_factory: pytest.TempPathFactory, tally: Counter[str]
) -> Laboratory:
    """Give a place to interrupt in."""
    return Laboratory(workshop, tmp_path_factory.mktemp("care"), tally)


def test_a_sample_of_calls(laboratory: Laboratory) -> None:
    """At calls drawn at random, a killed repair or backup harms nothing and is completed later."""
    draw = random.Random(_SEED)
    for name in [*REPAIRS, *BACKUPS]:
        for fault in draw.sample(list(laboratory.faults(name)), _SAMPLE):
            laboratory.check(name, fault)


@pytest.mark.faults
@pytest.mark.parametrize("name", [*REPAIRS, *BACKUPS])
def test_every_call(laboratory: Laboratory, name: str) -> None:
    """Whichever call is the last, no sound line is lost, and the command completes later."""
    faults = list(laboratory.faults(name))
    assert len(faults) >= 15, faults
    for fault in faults:
        laboratory.check(name, fault)
