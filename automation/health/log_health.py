"""The log: how big it is, whether its end is sound, and what a clock that jumped did to it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from automation.health.symptom import Symptom, counted, fine, note, wrong
from ledger import LogReader
from ledger.disk.folder import LedgerFolder
from ledger.errors import LedgerDamaged, LedgerNotFound, LedgerReplaced
from ledger.integrity.findings import Finding, Findings
from ledger.integrity.folder_check import check_folder, check_tail, durable_end
from ledger.integrity.verify import Verification
from ledger.reading.log_extent import poisoned_segment

__all__ = ["LogMeasure", "judge_clock", "judge_log", "judge_verification", "measure_log"]

_LOOKED_AT = 1_000
_REPAIR = "runfold verify names all of it, runfold repair goes on without it; copy the folder first"


class LogMeasure(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured of a log.

    Attributes:
        size: bytes of all segments.
        segments: how many.
        position: the last durable one.
        findings: what is wrong around the lines.
        notes: what is worth knowing there, like a torn tail.
        checked: how many lines before the mark were looked at.
        damage: what is wrong with them; empty where nothing is.
        poisoned: the segment whose sync failed, by its first position; None where none did.
        last_recorded: when the last of them was recorded; None where that cannot be read.
    """

    size: int
    segments: int
    position: int
    findings: tuple[Finding, ...] = ()
    notes: tuple[Finding, ...] = ()
    checked: int = 0
    damage: str = ""
    poisoned: int | None = None
    last_recorded: datetime | None = None


def measure_log(folder: LedgerFolder) -> LogMeasure:
    """Look at the identity, the mark, its last lines and what lies above it; nothing is written.

    Raises:
        LedgerNotFound: there is no ledger.
    """
    findings = Findings()
    check_folder(folder, findings)
    mark = durable_end(folder, findings)
    check_tail(folder, mark, findings)
    checked, damage, last = 0, "", None
    try:
        for event in LogReader(folder.path).read(max(0, mark.position - _LOOKED_AT)):
            checked, last = checked + 1, event.recorded_at
    except (LedgerDamaged, LedgerReplaced, LedgerNotFound) as error:
        damage = str(error)
    segments = folder.segments()
    paths = [folder.segment(first) for first in segments]
    return LogMeasure(
        size=sum(path.stat().st_size for path in paths if path.is_file()),
        segments=len(segments),
        position=mark.position,
        findings=tuple(findings.findings),
        notes=tuple(findings.notes),
        checked=checked,
        damage=damage,
        poisoned=poisoned_segment(folder),
        last_recorded=last,
    )


def judge_log(log: LogMeasure) -> Iterator[Symptom]:
    """Say how the log stands, as far as its end tells."""
    events, segments = counted(log.position, "event"), counted(log.segments, "segment")
    yield fine("log", f"{events}, {log.size:,} bytes in {segments}")
    for finding in log.findings:
        yield wrong("log", str(finding), _REPAIR)
    if log.damage:
        yield wrong("log", log.damage, _REPAIR)
    for found in log.notes:
        advice = "the next to write takes care of it" if found.kind == "torn tail" else ""
        yield note("durable mark", str(found), advice)
    if log.poisoned is not None:
        yield wrong(
            "durable mark",
            f"a sync of the segment that begins at position {log.poisoned} failed",
            "look at the disk (dmesg, smartctl); the next to write goes on in a new segment",
        )
    elif not log.notes and not log.findings:
        yield fine("durable mark", f"at position {log.position}, with nothing above it")


def judge_verification(log: LogMeasure, verified: Verification | None) -> Symptom:
    """Say what is known of the whole log: nothing is kept of an earlier check."""
    if verified is None:
        found = f"looked at the last {log.checked} of {counted(log.position, 'event')}"
        return note("verify", found, "runfold doctor --verify checks all; so does runfold verify")
    whole = f"{counted(verified.position, 'event')} of {counted(verified.runs, 'run')}"
    if verified.sound:
        return fine("verify", f"all sound: {whole}")
    more = " and more" if verified.more else ""
    first = verified.findings[0]
    return wrong("verify", f"{len(verified.findings)}{more} found in {whole}: {first}", _REPAIR)


def judge_clock(log: LogMeasure, now: datetime) -> Symptom:
    """Say whether the clock of the machine is behind what was recorded."""
    last = log.last_recorded
    if last is None or last <= now:
        return fine("clock", "not behind the last event")
    frozen = (
        f"the last event was recorded at {last:%Y-%m-%dT%H:%M:%SZ},"
        f" {(last - now).total_seconds():.0f} s ahead of this clock"
    )
    advice = (
        "set the clock right (timedatectl). Until it has passed that time, recorded_at stands still"
        " there, and as of a time in between nothing is new; positions and durations are right"
    )
    return wrong("clock", frozen, advice)
