"""What repairs have passed over, asked while another thread takes in one more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ledger import LogReader
from ledger.disk.folder import LedgerFolder
from ledger.integrity.repair import repair
from ledger.reading.recorded_repairs import RecordedRepairs
from tests.ledger.damage import flip
from tests.ledger.damaged_logs import make_log
from tests.ledger.witness import segments_of


class Meanwhile(int):
    """A number beside which something else happens each time it is added to."""

    happens: Callable[[], None]

    def __add__(self, other: int) -> int:
        self.happens()
        return int(self) + other


def damage_and_repair(folder: Path, segment: int) -> None:
    """Damage the first line of a segment, and have it passed over."""
    flip(segments_of(folder)[segment], 20)
    repair(folder, actor="anna", reason="the disk lost a block")


def test_a_repair_that_is_taken_in_meanwhile_disturbs_no_question(tmp_path: Path) -> None:
    """The threads of a server share a reader: one counts, and another finds a further repair."""
    folder = make_log(tmp_path / "log")
    repairs = RecordedRepairs(LedgerFolder(folder))
    damage_and_repair(folder, 1)
    repairs.look(LogReader(folder).mark())
    before = repairs.lost(0, 1_000)
    damage_and_repair(folder, 2)
    start = Meanwhile(0)
    start.happens = lambda: repairs.look(LogReader(folder).mark())

    assert repairs.lost(start, 1_000) == before > 0
    assert repairs.lost(0, 1_000) > before
