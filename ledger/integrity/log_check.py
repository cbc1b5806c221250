"""Put together what the check of single segments found, in the order of the log.

Sound segments are added as facts; where something is wrong, line by line and range by range.
"""

from __future__ import annotations

from ledger.disk.folder import LedgerFolder, segment_name
from ledger.integrity.findings import Findings, describe_range
from ledger.integrity.segment_check import Leaves, SegmentFacts
from ledger.line.walk import END_OF_NOTHING, End, Line
from ledger.reading.leaves import NAMELESS
from ledger.reading.sound_reading import OutOfReach

__all__ = ["LogCheck"]


class LogCheck:
    """The log as far as it was checked: what must hold from one line to the next.

    Attributes:
        position: how far it was checked, with what is out of reach.
        end: the end of the last sound line.
        gaps: what is out of reach and was not repaired.
        leaves: the leaf hashes of all lines.
        nameless: whether the leaf hash of a lost line is not known.
    """

    def __init__(self, folder: LedgerFolder, findings: Findings) -> None:
        """Begin before the first line."""
        self._folder = folder
        self._findings = findings
        self._sequences: dict[bytes, int] = {}
        self._clock = ""
        self._rest: int | None = 0
        self._lost = 0
        self._unnamed = 0
        self.leaves = Leaves(1)
        self.nameless = False
        self.gaps: list[OutOfReach] = []
        self.end = END_OF_NOTHING
        self.position = 0

    @property
    def runs(self) -> int:
        """How many runs there were."""
        return len(self._sequences)

    def add_segment(self, facts: SegmentFacts) -> None:
        """Add a segment in which nothing is wrong."""
        name = segment_name(facts.first)
        if facts.last < facts.first:
            return
        self._name_lost(facts.prev)
        self._check_clock(facts.opened_at, name, facts.first, 0)
        self._clock = facts.closed_at
        sequences = self._sequences
        for run_id, (first, last, offset) in facts.runs.items():
            key = run_id.encode()
            if first != sequences.get(key, 0) + 1:
                self._check_sequence(run_id, first, name, facts.first, offset)
            sequences[key] = last
        self._rest = 0
        self.leaves.join(facts.leaves)
        self.position = facts.last
        self.end = End(facts.first, facts.stop, facts.last, facts.leaf, facts.closed_at)

    def add_line(self, line: Line) -> None:
        """Add a sound line of a segment in which something is wrong."""
        envelope, end = line.envelope, line.end
        name = segment_name(end.segment)
        self._name_lost(envelope.prev)
        self._check_clock(envelope.recorded_at, name, end.position, line.start)
        self._clock = envelope.recorded_at
        self._check_batch(line, name)
        if envelope.run_id is not None:
            self._check_sequence(envelope.run_id, envelope.sequence, name, end.position, line.start)
            self._sequences[envelope.run_id.encode()] = envelope.sequence
        elif envelope.sequence:
            self._say_sequence(0, envelope.sequence, name, end.position, line.start)
        self.leaves.extend([bytes.fromhex(end.leaf)])
        self.end, self.position = end, end.position

    def add_gap(self, item: OutOfReach) -> None:
        """Add a range that is out of reach."""
        if item.repaired:
            self._findings.note(
                "repaired",
                segment=item.segment,
                position=item.first if item.count else 0,
                offset=item.offset,
                expected=_positions(item),
                found=f"{item.size} bytes that a repair passed over ({item.reason})",
            )
        else:
            self._findings.take(describe_range(self._folder, item))
            self.gaps.append(item)
        self._rest = None
        self._lost += item.count
        self._unnamed += item.count

    def finish(self) -> None:
        """Close the log: nothing follows."""
        if self._rest:
            self._findings.add(
                "batch",
                segment=segment_name(self.end.segment),
                position=self.position,
                offset=self.end.offset,
                expected=f"{self._rest} more lines of the batch",
                found="the end of the log",
            )
        self._name_lost(None)

    def _name_lost(self, prev: str | None) -> None:
        """Give each lost line its leaf: the last one's is named by the line behind it."""
        while self._unnamed:
            named = self._unnamed == 1 and prev is not None
            leaf = bytes.fromhex(prev) if named and prev is not None else NAMELESS
            self.nameless = self.nameless or not named
            self.position += 1
            self.leaves.extend([leaf])
            self._unnamed -= 1

    def _check_clock(self, recorded_at: str, name: str, position: int, offset: int) -> None:
        if recorded_at < self._clock:
            self._findings.add(
                "clock",
                segment=name,
                position=position,
                offset=offset,
                expected=f"recorded_at not before {self._clock}",
                found=recorded_at,
            )

    def _check_batch(self, line: Line, name: str) -> None:
        rest = line.envelope.rest
        begins = not self._rest or line.end.segment != self.end.segment
        broken = self._rest and (begins or rest != self._rest - 1)
        if broken or rest < 0:
            expected = f"rest {self._rest - 1}" if self._rest else "rest of at least 0"
            self._findings.add(
                "batch",
                segment=name,
                position=line.end.position,
                offset=line.start,
                expected=expected,
                found=f"rest {rest}",
            )
        self._rest = rest

    def _check_sequence(
        self, run_id: str, sequence: int, name: str, position: int, offset: int
    ) -> None:
        """Check that a run goes on where it was, but for lines that are known to be lost."""
        expected = self._sequences.get(run_id.encode(), 0) + 1
        if sequence != expected and not expected < sequence <= expected + self._lost:
            self._say_sequence(expected, sequence, name, position, offset)

    def _say_sequence(
        self, expected: int, found: int, name: str, position: int, offset: int
    ) -> None:
        self._findings.add(
            "sequence",
            segment=name,
            position=position,
            offset=offset,
            expected=f"sequence {expected}",
            found=f"sequence {found}",
        )


def _positions(item: OutOfReach) -> str:
    if item.count == 0:
        return "no position"
    return f"position {item.first}" if item.count == 1 else f"positions {item.first} to {item.last}"
