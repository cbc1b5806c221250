"""Let a damaged log go on: what ``runfold repair`` does, and nothing else ever does.

Guarantees. No sound line is lost and no byte of one is changed. Damaged bytes stay where they are,
as evidence, and a copy of them goes to ``quarantine/``. What is passed over is listed in a
``ledger_repaired`` event with who did it and why; readers then pass over exactly these bytes, while
they are what they were.

Where the damage reaches the end of the log, so that no line could follow, the event begins a new
segment. If the damaged bytes reach up to the durable mark, the positions in them stay taken, and
the chain goes on from the leaf hash of the bytes as they lie. If the log is shorter than its mark,
the positions that are gone are given out again: the one case in which the mark moves back. Each
tree head that was signed over them shows it.

Plan. One repair at a time. Look without the lock; ask; then under the lock look again whether all
is as it was, copy the damaged bytes, and write the event: one atomic step, after which the mark is
moved. A crash before it changes nothing; after it, the next repair finds the new segment and moves
the mark.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from ledger.disk.files import replace_atomically, sync_data, sync_folder
from ledger.disk.folder import Identity, LedgerFolder, segment_name
from ledger.disk.lock import FolderLock, close_lock, try_flock
from ledger.disk.mark import Mark, read_mark, write_mark
from ledger.errors import RepairRefused
from ledger.events import LedgerRepaired, NewEvent, build
from ledger.integrity.folder_check import line_one
from ledger.integrity.repair_plan import Repair, RepairPlan, make_plan
from ledger.line.codec import encode_body, encode_line, leaf_hash
from ledger.line.walk import End
from ledger.log import EventLog
from ledger.plain_values import utc_text
from ledger.reading.identity_check import created_event
from ledger.reading.recorded_repairs import DAMAGED, Skipped, bytes_of, digest_of
from ledger.writers.machine import boot_id

__all__ = ["Repair", "plan_repair", "repair"]

_LOCK_TIMEOUT = 10.0
_RANGES_IN_AN_EVENT = 100


def plan_repair(folder: Path | str, *, jobs: int | None = None) -> Repair:
    """Find out what a repair would do. Nothing is written.

    Raises:
        LedgerNotFound: there is no ledger.
        RepairRefused: this damage cannot be repaired.
    """
    return make_plan(LedgerFolder(Path(folder)), jobs).repair


def repair(folder: Path | str, *, actor: str, reason: str, jobs: int | None = None) -> Repair:
    """Repair a log, and say in it who did so and why. Where nothing is wrong, nothing is written.

    Raises:
        LedgerNotFound: there is no ledger.
        RepairRefused: this damage cannot be repaired, or another repair is under way.
        LockTimeout: another process holds the lock.
    """
    ledger = LedgerFolder(Path(folder))
    with _only_repair(ledger):
        return _carry_out(ledger, make_plan(ledger, jobs), actor, reason)


@contextmanager
def _only_repair(folder: LedgerFolder) -> Iterator[None]:
    """Be the one repair of a log: two would list the same damage, each as its own find."""
    try:
        fd = os.open(folder.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        # Whatever is wrong with it, the plan knows how to say so.
        yield
        return
    try:
        if not _is_free(fd):
            reason = "another repair of it is under way: try again when that has ended"
            raise RepairRefused(folder.path, reason)
        yield
    finally:
        close_lock(fd)


def _is_free(fd: int) -> bool:
    try:
        return try_flock(fd)
    except OSError:
        # Some network file systems lock no folder: there, nobody is kept out.
        return True


def _carry_out(ledger: LedgerFolder, plan: RepairPlan, actor: str, reason: str) -> Repair:
    if plan.repair.identity:
        _restore_identity(ledger)
    if plan.moved is not None:
        _move_mark(ledger, plan.mark, plan.moved)
    if not plan.repair.skipped:
        return plan.repair
    skipped = [_where_it_lies(item, plan.goes_on) for item in plan.repair.skipped]
    events = _events(skipped, actor, reason)
    if plan.goes_on is None:
        _keep_damaged_bytes(ledger, plan.repair.skipped)
        with EventLog.open(ledger.path) as log:
            # Not looked up: the index cannot be made over damage that is not known yet.
            position = log.append_batch(events, fresh_run=True)[-1].position
    else:
        position = _begin_segment(ledger, plan, plan.goes_on, events)
    return msgspec.structs.replace(plan.repair, position=position)


def _where_it_lies(item: Skipped, goes_on: End | None) -> Skipped:
    """Name the copy of bytes whose segment gives its place to the new one."""
    if goes_on is None or item.segment < segment_name(goes_on.segment):
        return item
    return msgspec.structs.replace(item, segment=f"quarantine/{_copy_name(item)}", offset=0)


def _copy_name(item: Skipped) -> str:
    return f"{DAMAGED}{Path(item.segment).stem}-{item.offset}-{item.sha256[:16]}.bin"


def _events(skipped: Sequence[Skipped], actor: str, reason: str) -> list[NewEvent]:
    """Make the events; one holds as many ranges as fit a line."""
    rows = [msgspec.structs.asdict(item) for item in skipped]
    parts = [
        tuple(rows[at : at + _RANGES_IN_AN_EVENT])
        for at in range(0, len(rows), _RANGES_IN_AN_EVENT)
    ]
    return [
        NewEvent(build(LedgerRepaired, skipped=part, actor=actor, reason=reason)) for part in parts
    ]


def _keep_damaged_bytes(folder: LedgerFolder, skipped: Sequence[Skipped]) -> None:
    """Copy what is passed over to ``quarantine/``; it stays where it is as well."""
    folder.quarantine.mkdir(exist_ok=True)
    for item in skipped:
        path = folder.quarantine / _copy_name(item)
        if not path.exists():
            # Empty where the bytes are gone: then it only hints readers at the event.
            replace_atomically(path, bytes_of(folder, item))


def _move_mark(folder: LedgerFolder, before: Mark | None, mark: Mark) -> None:
    lock = FolderLock(folder.lock, _LOCK_TIMEOUT)
    try:
        with lock.hold() as fd:
            _check_unchanged(folder, read_mark(fd), before)
            write_mark(fd, mark)
            sync_data(fd)
    finally:
        lock.close()


def _check_unchanged(folder: LedgerFolder, found: Mark | None, before: Mark | None) -> None:
    if found != before:
        raise RepairRefused(folder.path, "somebody wrote to it meanwhile: try again")


def _begin_segment(
    folder: LedgerFolder, plan: RepairPlan, end: End, events: Sequence[NewEvent]
) -> int:
    """Write the events into a new segment, and move the mark there; give the last position."""
    lock = FolderLock(folder.lock, _LOCK_TIMEOUT)
    try:
        with lock.hold() as fd:
            _check_unchanged(folder, read_mark(fd), plan.moved or plan.mark)
            for item in plan.repair.skipped:
                if item.sha256 != digest_of(folder, item):
                    raise RepairRefused(folder.path, "its bytes changed meanwhile: try again")
            _keep_damaged_bytes(folder, plan.repair.skipped)
            _set_aside(folder, end.segment)
            data, position = _lines(events, end)
            replace_atomically(folder.segment(end.segment), data)
            write_mark(fd, Mark(end.segment, len(data), position, boot_id()))
            sync_data(fd)
    finally:
        lock.close()
    return position


def _set_aside(folder: LedgerFolder, first: int) -> None:
    """Move segments that hold no sound line out of the way of the new one."""
    for segment in folder.segments():
        if segment > first:
            path = folder.segment(segment)
            folder.quarantine.mkdir(exist_ok=True)
            path.rename(folder.quarantine / f"{DAMAGED}{path.name}")
    sync_folder(folder.quarantine)
    sync_folder(folder.events)


def _lines(events: Sequence[NewEvent], end: End) -> tuple[bytes, int]:
    """Encode the events as one batch after ``end``; give the bytes and the last position."""
    recorded_at = max(utc_text(datetime.now(UTC)), end.recorded_at)
    data, prev, position = b"", end.leaf, end.position
    for rest, event in zip(range(len(events) - 1, -1, -1), events, strict=True):
        position += 1
        line = encode_line(
            encode_body(event),
            position=position,
            prev=prev,
            sequence=0,
            rest=rest,
            recorded_at=recorded_at,
        )
        data, prev = data + line, leaf_hash(line[:-1])
    return data, position


def _restore_identity(folder: LedgerFolder) -> None:
    """Write ``ledger.json`` again, from line 1."""
    line = line_one(folder)
    created = created_event(line)
    if created is not None and line is not None:
        folder.create(Identity(created.ledger_id, created.format, line.recorded_at))
