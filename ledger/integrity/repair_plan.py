"""Find out what a repair would do: which ranges it passes over, and where the log goes on."""

from __future__ import annotations

import os
from collections.abc import Sequence

import msgspec

from ledger.disk.files import open_file
from ledger.disk.folder import LedgerFolder, segment_name
from ledger.disk.mark import Mark, read_mark
from ledger.errors import RepairRefused
from ledger.events import LedgerRepaired
from ledger.integrity.findings import Finding
from ledger.integrity.folder_check import ends_at, first_line, line_one
from ledger.integrity.verify import Verification, verify
from ledger.line.codec import leaf_hash
from ledger.line.walk import End
from ledger.reading.identity_check import created_event
from ledger.reading.recorded_repairs import Skipped, bytes_of, digest_of
from ledger.reading.sound_reading import OutOfReach, sound_end
from ledger.writers.machine import boot_id

__all__ = ["Repair", "RepairPlan", "make_plan"]

_MENDED = frozenset(
    {"chain", "crc", "format", "length", "mark", "missing", "newline", "position", "superfluous"}
)
_UNFIT = "the durable mark does not fit the log"
_AGAIN = "given out again: the log was shorter than its durable mark"


class Repair(msgspec.Struct, frozen=True, kw_only=True):
    """What a repair will do, or has done.

    Attributes:
        skipped: the ranges it passes over.
        identity: whether ``ledger.json`` is written again, from line 1.
        mark: whether the durable mark is set: it was lost, or a repair before did not get so far.
        first_again: the first position that is given out again; 0 where none is.
        last_again: the last one.
        left: what is wrong and no repair can mend.
        position: of the last ``ledger_repaired`` event; 0 where none was written.
    """

    skipped: tuple[Skipped, ...] = ()
    identity: bool = False
    mark: bool = False
    first_again: int = 0
    last_again: int = 0
    left: tuple[Finding, ...] = ()
    position: int = 0

    @property
    def needed(self) -> bool:
        """Whether anything is wrong that a repair can mend."""
        return self.identity or self.mark or bool(self.skipped)


class RepairPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The repair; where the log goes on, None at its sound end; the mark as read, and a new one."""

    repair: Repair
    goes_on: End | None = None
    mark: Mark | None = None
    moved: Mark | None = None


def make_plan(folder: LedgerFolder, jobs: int | None = None) -> RepairPlan:
    """Look at the log as it is, and decide what a repair has to do.

    Raises:
        LedgerNotFound: there is no ledger.
        RepairRefused: this damage cannot be repaired.
    """
    mark = _mark_of(folder)
    moved = _begun(folder, mark)
    found = verify(folder.path, jobs=jobs, mark=moved)
    if mark is None and moved is None and found.out_of_reach:
        # Without one, a writer would take the damage for a torn tail, or refuse to open.
        moved = msgspec.structs.replace(found.mark, boot_id=boot_id())
    behind = [item for item in found.out_of_reach if item.first > found.end.position]
    goes_on = None
    if behind or not ends_at(found.end, found.mark):
        # Bytes above the mark cannot be told from the damaged ones they follow.
        size = _size_of(folder, found.mark.segment)
        if size > found.mark.offset:
            whole = Mark(found.mark.segment, size, found.mark.position)
            found = verify(folder.path, jobs=jobs, mark=whole)
            behind = [item for item in found.out_of_reach if item.first > found.end.position]
        goes_on = _new_end(folder, found, behind)
    planned = Repair(
        skipped=tuple(_skipped(folder, found, goes_on)),
        identity=_identity_is_lost(folder, found),
        mark=moved is not None,
        left=tuple(item for item in found.findings if not _is_mended(item, folder)),
    )
    if goes_on is not None and goes_on.position < found.mark.position:
        again = (goes_on.position + 1, found.mark.position)
        planned = msgspec.structs.replace(planned, first_again=again[0], last_again=again[1])
    return RepairPlan(repair=planned, goes_on=goes_on, mark=mark, moved=moved)


def _mark_of(folder: LedgerFolder) -> Mark | None:
    try:
        fd = open_file(folder.lock)
    except FileNotFoundError:
        return None
    except OSError:
        raise RepairRefused(folder.path, "its lock is no file: remove it, then try again") from None
    try:
        return read_mark(fd)
    finally:
        os.close(fd)


def _begun(folder: LedgerFolder, mark: Mark | None) -> Mark | None:
    """Find the segment that a repair began and did not get to move the mark to."""
    for first in folder.segments():
        if mark is not None and first > mark.segment:
            line = first_line(folder, first)
            if line is not None and line.type == LedgerRepaired.type:
                return msgspec.structs.replace(sound_end(folder), boot_id=boot_id())
    return None


def _identity_is_lost(folder: LedgerFolder, found: Verification) -> bool:
    name = folder.identity_file.name
    lost = any(item.kind == "identity" and item.segment == name for item in found.findings)
    if lost and created_event(line_one(folder)) is None:
        raise RepairRefused(
            folder.path, f"{name} and line 1 are both lost: restore one of them from a backup"
        )
    return lost


def _new_end(folder: LedgerFolder, found: Verification, behind: Sequence[OutOfReach]) -> End:
    """Say what the first line of the new segment has to refer to."""
    end, mark = found.end, found.mark
    reaches = _size_of(folder, mark.segment) >= mark.offset > 0
    if end.position == mark.position or not (reaches and behind and behind[-1].size):
        return End(end.position + 1, 0, end.position, end.leaf, end.recorded_at)
    data = bytes_of(folder, behind[-1])
    leaf = leaf_hash(data.removesuffix(b"\n").rpartition(b"\n")[2])
    return End(mark.position + 1, 0, mark.position, leaf, end.recorded_at)


def _skipped(folder: LedgerFolder, found: Verification, goes_on: End | None) -> list[Skipped]:
    """List what is passed over, as readers will meet it."""
    listed = []
    for item in found.out_of_reach:
        first, last = item.first, item.last
        if goes_on is not None and first > goes_on.position:
            first, last = goes_on.position + 1, goes_on.position
        elif goes_on is not None:
            last = min(last, goes_on.position)
        known = msgspec.structs.replace(item, first=first, last=last)
        if item.size or last >= first:
            listed.append(_skip(folder, known))
    if goes_on is not None and (goes_on.position < found.mark.position or not listed):
        reason = _AGAIN if goes_on.position < found.mark.position else _UNFIT
        name = segment_name(found.end.segment)
        first, last = goes_on.position + 1, found.mark.position
        listed.append(_skip(folder, OutOfReach(first, last, name, found.end.offset, 0, reason)))
    return listed


def _skip(folder: LedgerFolder, item: OutOfReach) -> Skipped:
    return Skipped(
        segment=item.segment,
        offset=item.offset,
        size=item.size,
        first=item.first,
        last=item.last,
        sha256=digest_of(folder, item),
        reason=item.reason,
    )


def _is_mended(finding: Finding, folder: LedgerFolder) -> bool:
    identity = finding.kind == "identity" and finding.segment == folder.identity_file.name
    return identity or finding.kind in _MENDED


def _size_of(folder: LedgerFolder, segment: int) -> int:
    try:
        return folder.segment(segment).stat().st_size
    except FileNotFoundError:
        return -1
