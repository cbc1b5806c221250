"""Check the whole log: what ``runfold verify`` does.

Each segment is checked by itself, on all cores (``segment_check.py``), and the facts are put
together in order (``log_check.py``). Where a segment, or the step to the next one, is not as it
must be, it is read once more, slowly, over the damage (``sound_reading.py``), so that all of it is
named.

Guarantees. Nothing is written. Memory is bounded but for about 100 bytes a run. What a repair has
passed over, and a torn tail above the durable mark, are notes and no findings.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import msgspec

from ledger.disk.folder import LedgerFolder
from ledger.disk.mark import Mark
from ledger.integrity.derived_check import check_derived, check_index
from ledger.integrity.findings import Finding, Findings, number_lines
from ledger.integrity.folder_check import (
    check_folder,
    check_names,
    check_place,
    check_tail,
    durable_end,
)
from ledger.integrity.log_check import LogCheck
from ledger.integrity.segment_check import SegmentFacts, check_segment
from ledger.line.codec import ZERO_HASH
from ledger.line.walk import End
from ledger.reading.recorded_repairs import RecordedRepairs
from ledger.reading.sound_reading import OutOfReach, sound_lines

__all__ = ["Progress", "Verification", "verify"]

Progress = Callable[[int, int], None]
"""Called with the number of positions checked so far, and of all."""

_WORTH_PROCESSES = 16 * 1024 * 1024


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """What a check of a log came to.

    Attributes:
        sound: whether everything is as it must be.
        ledger_id: which log; empty where that cannot be read.
        position: the last durable position.
        segments: how many files.
        runs: how many runs.
        root: the Merkle root over all lines, 64 hex digits; empty where it cannot be known.
        findings: what is wrong, in the order of the log.
        notes: what is worth knowing and is no damage.
        more: whether there are more findings than were kept.
        out_of_reach: which positions cannot be read, and the bytes in their place.
        mark: the durable mark that the log was checked up to.
        end: where the last sound line ends.
    """

    sound: bool
    ledger_id: str
    position: int
    segments: int
    runs: int
    root: str
    findings: tuple[Finding, ...]
    notes: tuple[Finding, ...]
    more: bool
    out_of_reach: tuple[OutOfReach, ...]
    mark: Mark
    end: End


def verify(
    folder: Path | str,
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
    mark: Mark | None = None,
) -> Verification:
    """Check the log in a folder.

    Args:
        folder: the data folder.
        jobs: how many processes; None takes all cores.
        progress: told how far the check is.
        mark: how far to check; None is for the durable mark.

    Raises:
        LedgerNotFound: there is none.
    """
    ledger = LedgerFolder(Path(folder))
    findings = Findings()
    ledger_id = check_folder(ledger, findings)
    mark = mark or durable_end(ledger, findings)
    segments = [first for first in ledger.segments() if first <= mark.segment]
    log = LogCheck(ledger, findings)
    steps = _Steps(ledger, log, mark)
    parts = _check_segments(ledger, segments, mark, jobs or os.cpu_count() or 1)
    for first, part in zip(segments, parts, strict=True):
        steps.take(part)
        check_index(part, findings)
        if progress is not None:
            progress(part.last if part else first, mark.position)
    steps.finish()
    check_place(log.end, mark, findings)
    check_tail(ledger, mark, findings)
    check_names(ledger, segments, findings)
    root = check_derived(ledger, ledger_id, mark, log, findings)
    return Verification(
        sound=not findings.findings,
        ledger_id=ledger_id,
        position=mark.position,
        segments=len(segments),
        runs=log.runs,
        root=root,
        findings=tuple(number_lines(ledger, findings.findings)),
        notes=tuple(number_lines(ledger, findings.notes)),
        more=findings.more,
        out_of_reach=tuple(log.gaps),
        mark=mark,
        end=log.end,
    )


def _check_segments(
    folder: LedgerFolder, segments: Sequence[int], mark: Mark, jobs: int
) -> Iterator[SegmentFacts | None]:
    """Check each segment by itself, in order, on as many cores as it is worth."""
    stops = [mark.offset if first == mark.segment else None for first in segments]
    paths = [folder.path] * len(segments)
    jobs = min(jobs, len(segments))
    if jobs < 2 or _size_of(folder, segments) < _WORTH_PROCESSES:  # noqa: PLR2004 - one is none
        yield from map(check_segment, paths, segments, stops)
        return
    # A forked child needs no import, and no guard in the caller's main module.
    method = "fork" if sys.platform == "linux" else "spawn"
    context = multiprocessing.get_context(method)
    # A check leaves no cycles: there is nothing to collect, only pages of the parent to copy.
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=gc.disable) as pool:
        yield from pool.map(check_segment, paths, segments, stops)


def _size_of(folder: LedgerFolder, segments: Sequence[int]) -> int:
    paths = [folder.segment(first) for first in segments]
    return sum(path.stat().st_size for path in paths if path.is_file())


class _Steps:
    """Puts the segments together in order, and looks closer where they are wrong or do not fit.

    A segment is added once the next one is known to fit to it. Several that are wrong beside each
    other are read in one go.
    """

    def __init__(self, folder: LedgerFolder, log: LogCheck, mark: Mark) -> None:
        self._folder = folder
        self._log = log
        self._mark = mark
        self._repairs = RecordedRepairs(folder)
        self._held: SegmentFacts | None = None
        self._begun = self._wrong = False

    def take(self, part: SegmentFacts | None) -> None:
        """Take the next segment: its facts, or None where something is wrong with it."""
        if part is None:
            self._add_held()
            self._wrong = True
        elif self._wrong:
            self._look_closer(part.first - 1)
            self._held = part
        elif self._fits(part):
            self._add_held()
            self._held = part
        else:
            self._held, self._wrong = None, True
        self._begun = True

    def finish(self) -> None:
        """Close the log: the last segment must reach the mark."""
        if self._held is not None and self._held.last == self._mark.position:
            self._add_held()
        elif self._mark.position > self._log.position or self._wrong:
            self._look_closer(self._mark.position)
        self._log.finish()

    def _fits(self, part: SegmentFacts) -> bool:
        held = self._held
        if held is None:
            return not self._begun and (part.first, part.prev) in ((1, ZERO_HASH), (1, ""))
        return part.first == held.last + 1 and part.prev in ("", held.leaf)

    def _add_held(self) -> None:
        if self._held is not None:
            self._log.add_segment(self._held)
            self._held = None

    def _look_closer(self, until: int) -> None:
        """Read on over the damage; the lines beside it again, to see which they disown."""
        self._wrong = False
        self._repairs.look(self._mark)
        after = self._log.position
        items = sound_lines(
            self._folder,
            self._mark,
            max(after - 1, 0),
            until + 1,
            repairs=self._repairs.covers,
        )
        for item in items:
            if isinstance(item, OutOfReach):
                if item.first <= until + 1:
                    self._log.add_gap(item)
            elif after < item.end.position <= until:
                self._log.add_line(item)
