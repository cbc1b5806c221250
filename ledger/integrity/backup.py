"""Copy a live log, and bring an earlier copy up to date: what ``runfold backup`` does.

Guarantees. The copy is a data folder like the original, up to the durable mark at the moment the
backup began: it can be read, served, verified, and opened for writing where the original is lost.
What the copy has up to its own mark is not copied again, once its last line is shown to be the
original's at that place, which names all lines before it through the chain; what lies behind the
mark is compared byte by byte. A folder that holds anything but an earlier state of this log is
refused, and left as it is.

Order. ``ledger.json`` first, then segments, each by a temporary name or appended to, and synced;
the durable mark behind each. So a crash or a power cut half-way leaves a copy that is an earlier
state, perhaps with a torn tail, and the next backup completes it.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_left
from contextlib import ExitStack
from pathlib import Path

import msgspec

from ledger.disk.files import (
    make_folder,
    open_file,
    read_file,
    read_range,
    replace_atomically,
    sync_data,
    sync_folder,
)
from ledger.disk.folder import LedgerFolder, segment_name
from ledger.disk.lock import FolderLock
from ledger.disk.mark import Mark, read_mark, write_mark
from ledger.errors import BackupRefused, BadLine, LedgerNotFound
from ledger.line.codec import MAX_LINE, decode_envelope
from ledger.line.fragments import split_lines
from ledger.reading.line_before import open_present
from ledger.reading.reader import LogReader
from ledger.reading.sound_reading import pieces_of

__all__ = ["Backup", "back_up"]

_LOCK_TIMEOUT = 10.0
_POSITION = re.compile(rb'\{"position":(\d+),')


class Backup(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup did.

    Attributes:
        ledger_id: which log.
        position: the last position in the copy.
        segments: how many segments it has.
        copied_bytes: how much of them was copied now.
        kept_bytes: how much was there already.
    """

    ledger_id: str
    position: int
    segments: int
    copied_bytes: int
    kept_bytes: int


def back_up(folder: Path | str, target: Path | str) -> Backup:
    """Copy the log in ``folder`` into ``target``, or bring the copy there up to date.

    Raises:
        LedgerNotFound: there is no ledger to copy.
        LedgerDamaged: a file of the log is missing, or something else is in its place.
        BackupRefused: ``target`` holds something else; nothing in it was changed.
        LockTimeout: somebody else writes to the copy.
    """
    reader = LogReader(folder)
    source, copy = reader.folder, LedgerFolder(Path(target))
    _check_target(source, copy, reader.identity.ledger_id)
    make_folder(copy.path)
    lock = FolderLock(copy.lock, _LOCK_TIMEOUT)
    try:
        with lock.hold() as fd:
            # First, so the head does not count lines that are not copied; and only now, so another
            # backup to the same place has not copied more than this one knows of.
            tree_head = _read(source.tree_head)
            mark = reader.mark()
            if not copy.exists():
                copy.events.mkdir(exist_ok=True)
                for path in copy.path.glob(f".{copy.identity_file.name}.*"):
                    path.unlink()
                replace_atomically(copy.identity_file, read_file(source.identity_file))
            copied, kept = _copy_segments(source, copy, mark, fd)
            _copy_others(source, copy, tree_head)
            write_mark(fd, mark)
            sync_data(fd)
    finally:
        lock.close()
    return Backup(
        ledger_id=reader.identity.ledger_id,
        position=mark.position,
        segments=len(copy.segments()),
        copied_bytes=copied,
        kept_bytes=kept,
    )


def _read(path: Path) -> bytes | None:
    try:
        return read_file(path)
    except FileNotFoundError:
        return None


def _check_target(source: LedgerFolder, copy: LedgerFolder, ledger_id: str) -> None:
    """Refuse a folder that is not ours to write to."""
    here, there = source.path.resolve(), copy.path.resolve()
    if there == here or here in there.parents:
        raise BackupRefused(copy.path, 0, "it is the ledger's own folder: name one elsewhere")
    if there.exists() and not there.is_dir():
        raise BackupRefused(copy.path, 0, "it is a file")
    try:
        found = copy.identity().ledger_id
    except LedgerNotFound:
        # What a first backup leaves that ended before it had said of which log it is.
        names = {path.name for path in there.iterdir()} if there.exists() else set()
        begun = f".{copy.identity_file.name}."
        if any(name not in ("lock", "events") and not name.startswith(begun) for name in names):
            raise BackupRefused(copy.path, 0, "it holds other files: name an empty one") from None
        return
    if found != ledger_id:
        raise BackupRefused(copy.path, 0, f"it holds the ledger {found}; this is {ledger_id}")


def _copy_segments(
    source: LedgerFolder, copy: LedgerFolder, mark: Mark, lock: int
) -> tuple[int, int]:
    """Copy what is missing; give how many bytes were copied, and how many were there."""
    stops = {
        first: mark.offset if first == mark.segment else source.segment(first).stat().st_size
        for first in source.segments()
        if first <= mark.segment
    }
    known = read_mark(lock) or Mark(1, 0, 0)
    kept = {first: _kept_size(source, copy, first, stops, known) for first in copy.segments()}
    copied = 0
    ends = [*(following - 1 for following in list(stops)[1:]), mark.position]
    for (first, stop), position in zip(stops.items(), ends, strict=True):
        start = kept.get(first, 0)
        if first < known.segment and start == stop:
            continue
        _copy_range(source, copy, first, start, stop)
        sync_folder(copy.events)
        # So that a backup that is interrupted goes on from here.
        write_mark(lock, Mark(first, stop, position, mark.boot_id))
        sync_data(lock)
        copied += stop - start
    return copied, sum(kept.values())


def _kept_size(
    source: LedgerFolder, copy: LedgerFolder, first: int, stops: dict[int, int], known: Mark
) -> int:
    """Give how far a segment of the copy is that of the original: all of its whole lines.

    Up to the copy's own mark they are on disk, and the last one names all before it. What lies
    behind that an interrupted backup has left, and a power cut may have made holes in it.

    Raises:
        BackupRefused: it is another log's, or went on by itself.
    """
    if first not in stops:
        raise BackupRefused(copy.path, first, f"it has position {first} in {segment_name(first)}")
    stop = stops[first]
    with ExitStack() as exits:
        theirs = open_file(copy.segment(first))
        exits.callback(os.close, theirs)
        ours = open_present(source.segment(first))
        exits.callback(os.close, ours)
        size = os.fstat(theirs).st_size
        durable = 0 if first > known.segment else size
        if first == known.segment:
            durable = min(known.offset, size)
        if durable > stop or not _ends_alike(theirs, ours, durable):
            raise _went_on(copy, _first_difference(theirs, ours, first, min(durable, stop)))
        same = _shared_lines(theirs, ours, durable, min(size, stop))
        for offset, raw in split_lines(pieces_of(theirs, same, size), same):
            if read_range(ours, offset, min(offset + len(raw), stop)) != raw and _is_line(raw):
                raise _went_on(copy, decode_envelope(raw).position)
        return same


def _went_on(copy: LedgerFolder, position: int) -> BackupRefused:
    return BackupRefused(copy.path, position, f"position {position} is another line there")


def _is_line(raw: bytes) -> bool:
    try:
        decode_envelope(raw)
    except BadLine:
        return False
    return True


def _ends_alike(theirs: int, ours: int, size: int) -> bool:
    """Tell whether the last line before a place is the same in two files."""
    start = max(0, size - MAX_LINE)
    return read_range(theirs, start, size) == read_range(ours, start, size)


def _shared_lines(theirs: int, ours: int, start: int, stop: int) -> int:
    """Give where the last line ends that two files share from a place on."""
    same = at = start
    for one, other in zip(
        pieces_of(theirs, start, stop), pieces_of(ours, start, stop), strict=False
    ):
        shared = _shared_bytes(one, other)
        if (newline := one.rfind(b"\n", 0, shared)) >= 0:
            same = at + newline + 1
        at += shared
        if shared < len(one):
            break
    return same


def _shared_bytes(one: bytes, other: bytes) -> int:
    """Count the bytes that both begin with."""
    if one == other:
        return len(one)
    return bisect_left(range(len(one)), 1, key=lambda at: one[: at + 1] != other[: at + 1])


def _first_difference(theirs: int, ours: int, first: int, stop: int) -> int:
    """Find the position of the first line that two files of a segment do not share."""
    position = first
    for one, other in zip(pieces_of(theirs, 0, stop), pieces_of(ours, 0, stop), strict=False):
        position += one.count(b"\n", 0, _shared_bytes(one, other))
        if one != other:
            break
    return position


def _copy_range(
    source: LedgerFolder, copy: LedgerFolder, first: int, start: int, stop: int
) -> None:
    """Copy bytes of a segment: into a new file that then gets its name, or behind what is kept."""
    path = copy.segment(first)
    temporary = path.with_name(f".{path.name}.tmp")
    into = path if start else temporary
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    ours = open_present(source.segment(first))
    try:
        with os.fdopen(os.open(into, flags, 0o644), "wb") as file:
            # What an interrupted backup has left behind it.
            file.truncate(start)
            file.seek(start)
            for piece in pieces_of(ours, start, stop):
                file.write(piece)
            file.flush()
            sync_data(file.fileno())
    finally:
        os.close(ours)
    if not start:
        temporary.replace(path)


def _copy_others(source: LedgerFolder, copy: LedgerFolder, tree_head: bytes | None) -> None:
    """Copy what lies beside the segments: the evidence, and what is quicker copied than made."""
    for folder in (copy.quarantine, copy.index, copy.writers):
        folder.mkdir(exist_ok=True)
    pairs = [(path, copy.quarantine / path.name) for path in source.quarantine.glob("*.*")]
    pairs.append((source.tree, copy.tree))
    for path, to in pairs:
        data = _read(path)
        if data is not None and _read(to) != data:
            replace_atomically(to, data)
    if tree_head is not None and tree_head != _read(copy.tree_head):
        replace_atomically(copy.tree_head, tree_head)
    sync_folder(copy.path)
