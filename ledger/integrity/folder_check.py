"""Check what lies around the lines: the identity, the names in ``events/``, the durable mark."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ledger.disk.files import open_file, read_range, what_is_there
from ledger.disk.folder import LedgerFolder, segment_name
from ledger.disk.mark import Mark, read_mark
from ledger.errors import LedgerDamaged, LedgerNotFound
from ledger.events import LedgerCreated
from ledger.integrity.findings import Findings
from ledger.line.codec import Envelope
from ledger.line.walk import End, Line
from ledger.reading.durable_end import DurableEnd
from ledger.reading.identity_check import created_event, line_at_start
from ledger.reading.sound_reading import sound_end, sound_lines

__all__ = [
    "check_folder",
    "check_names",
    "check_place",
    "check_tail",
    "durable_end",
    "ends_at",
    "first_line",
    "line_one",
]


def check_folder(folder: LedgerFolder, findings: Findings) -> str:
    """Check who the ledger is and which files it has; give its id, empty where it has none.

    Raises:
        LedgerNotFound: there is no ledger.
    """
    ledger_id = _check_identity(folder, findings)
    known = {segment_name(first) for first in folder.segments()}
    names = {path.name for path in folder.events.iterdir()} if folder.events.is_dir() else set()
    for name in sorted(names - known):
        findings.note(
            "segment", segment=name, expected="only segments in events", found="another file"
        )
    return ledger_id


def _check_identity(folder: LedgerFolder, findings: Findings) -> str:
    """Compare ``ledger.json`` with line 1, which says the same."""
    ledger_id, wrong = "", ""
    try:
        ledger_id = folder.identity().ledger_id
    except LedgerNotFound:
        if not folder.segments():
            raise
        wrong = "no file"
    except LedgerDamaged as error:
        wrong = error.reason
    first = line_one(folder, ledger_id)
    created = created_event(first)
    if wrong:
        expected = f"ledger_id {created.ledger_id}" if created else "the ledger's identity"
        findings.add("identity", segment="ledger.json", expected=expected, found=wrong)
    elif first is not None and (created is None or created.ledger_id != ledger_id):
        findings.add(
            "identity",
            segment=segment_name(1),
            position=1,
            expected=f"{LedgerCreated.type} of ledger_id {ledger_id}",
            found=f"ledger_id {created.ledger_id}" if created else ascii(first.type),
        )
    return ledger_id or (created.ledger_id if created else "")


def check_names(folder: LedgerFolder, segments: Sequence[int], findings: Findings) -> None:
    """Where no line is lost: check that each segment begins with the position in its name.

    Who reads does not find a renamed segment, and passes over a second copy of another name.
    """
    if findings.findings or any(note.kind == "repaired" for note in findings.notes):
        return
    for segment in segments:
        begun = line_at_start(folder, segment)
        if begun is not None and begun.position != segment:
            findings.add(
                "segment",
                segment=segment_name(segment),
                line=1,
                position=begun.position,
                expected=f"a first line at position {segment}",
                found=f"a line at position {begun.position}",
            )


def first_line(folder: LedgerFolder, segment: int) -> Envelope | None:
    """Read the first line of a segment; None where that is not a sound one."""
    envelope = line_at_start(folder, segment)
    return envelope if envelope is not None and envelope.position == segment else None


def line_one(folder: LedgerFolder, ledger_id: str = "") -> Envelope | None:
    """Read line 1, which says who the ledger is; None where it is out of reach.

    ``ledger_id`` is what it should say: if it does not, it is read as over damage, since a line
    that does not belong may lie before it.
    """
    plain = first_line(folder, 1)
    created = created_event(plain)
    if created is not None and created.ledger_id == (ledger_id or created.ledger_id):
        return plain
    item = next(sound_lines(folder, sound_end(folder), 0, 1), None)
    return item.envelope if isinstance(item, Line) else None


def durable_end(folder: LedgerFolder, findings: Findings) -> Mark:
    """Read how far the log is to be checked: to the mark, else to its last sound line."""
    try:
        fd = open_file(folder.lock)
    except FileNotFoundError:
        found = "no lock file; checked to the last sound line"
    except OSError as error:
        found = what_is_there(error) or str(error)
        findings.add("mark", segment="lock", expected="a file", found=found)
        return sound_end(folder)
    else:
        try:
            mark = read_mark(fd)
        finally:
            os.close(fd)
        if mark is not None:
            return DurableEnd(folder).reach(mark)
        found = "none that can be trusted; checked to the last sound line"
    findings.note("mark", segment="lock", expected="a durable mark", found=found)
    return sound_end(folder)


def ends_at(end: End, mark: Mark) -> bool:
    """Tell whether the mark is where the last line ends, or at the start of a new segment."""
    if end.position != mark.position:
        return False
    begins_segment = (mark.segment, mark.offset) == (mark.position + 1, 0)
    return begins_segment or (end.segment, end.offset) == (mark.segment, mark.offset)


def check_place(end: End, mark: Mark, findings: Findings) -> None:
    """Check that the line at the mark's position, where it was found, ends at the mark."""
    if end.position != mark.position or ends_at(end, mark):
        return
    findings.add(
        "mark",
        segment="lock",
        position=mark.position,
        expected=f"the end of its line, {segment_name(end.segment)} byte {end.offset}",
        found=f"{segment_name(mark.segment)} byte {mark.offset}",
    )


def check_tail(folder: LedgerFolder, mark: Mark, findings: Findings) -> None:
    """Note what lies above the mark: nobody was told that it is in the log."""
    for first in folder.segments():
        if first < mark.segment:
            continue
        start = mark.offset if first == mark.segment else 0
        try:
            fd = open_file(folder.segment(first))
        except OSError:
            continue
        try:
            size = os.fstat(fd).st_size
            ended = size <= start or read_range(fd, size - 1, size) == b"\n"
        finally:
            os.close(fd)
        if size > start:
            what = "lines" if ended else "a torn tail:"
            findings.note(
                "torn tail",
                segment=segment_name(first),
                position=mark.position + 1,
                offset=start,
                expected="nothing above the durable mark",
                found=f"{what} {size - start} bytes, which the next writer takes in or cuts off",
            )
