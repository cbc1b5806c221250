"""What the folder lies on: disk, file system, SQLite, the watcher; and what was left behind."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator

import msgspec

from automation.health.symptom import Symptom, counted, fine, note, wrong
from ledger.disk.file_system import file_system_of, is_network
from ledger.disk.folder import LedgerFolder
from ledger.errors import LedgerError
from ledger.writing.appender import SEGMENT_BYTES
from projections.read_model.read_model import ReadModels

__all__ = ["MachineMeasure", "judge_machine", "measure_machine"]

_WAL_RESET_BUG = ((3, 7, 0), (3, 51, 2))
_MEGABYTE = 1_000_000
_LEAST_FREE = 2 * SEGMENT_BYTES


class MachineMeasure(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured.

    Attributes:
        free: bytes that are free on the disk.
        model_size: bytes of the read model; 0 where there is none.
        file_system: its type; None where the system does not tell.
        sqlite: the version of SQLite.
        watch: ``inotify``, ``polling``, or empty where nothing can watch.
        quarantined: how many files of torn bytes are kept, and their bytes.
        left_over: temporary files of processes that died while they wrote.
    """

    free: int
    model_size: int = 0
    file_system: str | None = None
    sqlite: tuple[int, int, int] = (0, 0, 0)
    watch: str = ""
    quarantined: tuple[int, int] = (0, 0)
    left_over: tuple[str, ...] = ()


def measure_machine(folder: LedgerFolder) -> MachineMeasure:
    """Look at the machine; nothing is written."""
    quarantine = folder.quarantine
    kept = [path for path in quarantine.iterdir() if path.is_file()] if quarantine.is_dir() else []
    return MachineMeasure(
        free=shutil.disk_usage(folder.path).free,
        model_size=_model_size(folder),
        file_system=file_system_of(folder.path),
        sqlite=sqlite3.sqlite_version_info,
        watch=_watch_of(folder),
        quarantined=(len(kept), sum(path.stat().st_size for path in kept)),
        left_over=tuple(sorted(path.name for path in folder.path.glob(".*.tmp"))),
    )


def _model_size(folder: LedgerFolder) -> int:
    try:
        current = ReadModels.of(folder).current()
    except LedgerError:
        return 0
    return 0 if current is None else current.stat().st_size


def _watch_of(folder: LedgerFolder) -> str:
    """Try the watcher that a server uses; it tells by its name which one it became."""
    try:
        from watchfiles._rust_notify import RustNotify  # noqa: PLC0415 - of the extra server
    except ModuleNotFoundError:
        return ""
    try:
        watcher = RustNotify([str(folder.path)], False, False, 300, False, False)  # noqa: FBT003 - it takes no names
    except OSError:
        return "polling"
    try:
        return "polling" if repr(watcher).startswith("RustNotify(Poll(") else "inotify"
    finally:
        watcher.close()


def judge_machine(machine: MachineMeasure) -> Iterator[Symptom]:
    """Say what of it may get in the way."""
    yield _judge_disk(machine)
    yield _judge_file_system(machine)
    yield _judge_sqlite(machine)
    yield _judge_watch(machine)
    files, size = machine.quarantined
    if files:
        found = f"{counted(files, 'file')} of torn bytes, {size:,} bytes"
        yield note("quarantine", found, "look at them, then keep or remove them as you like")
    else:
        yield fine("quarantine", "empty")
    if machine.left_over:
        found = f"left by processes that died: {', '.join(machine.left_over)}"
        yield note("temporary files", found, "remove them; nothing reads them")


def _judge_disk(machine: MachineMeasure) -> Symptom:
    free = f"{machine.free // _MEGABYTE:,} MB free"
    if machine.free < _LEAST_FREE:
        advice = "make room: on a full disk an append fails, and with it the run"
        return wrong("disk", free, advice)
    if machine.free < machine.model_size + _LEAST_FREE:
        found = f"{free}; the read model has {machine.model_size // _MEGABYTE:,} MB"
        return note("disk", found, "make room: a rebuild makes a second one beside it")
    return fine("disk", free)


def _judge_file_system(machine: MachineMeasure) -> Symptom:
    kind = machine.file_system
    if is_network(kind):
        found = f"{kind}, a network file system: locks and appends of two machines may collide"
        return wrong("file system", found, "record on a local disk, and copy with runfold backup")
    return fine("file system", kind or "not told by this system")


def _judge_sqlite(machine: MachineMeasure) -> Symptom:
    version = ".".join(map(str, machine.sqlite))
    first, last = _WAL_RESET_BUG
    if first <= machine.sqlite <= last:
        found = f"{version}, which may damage a database that two processes write at once"
        advice = "Runfold writes from one; let no other program write the read model, or use 3.51.3"
        return note("SQLite", found, advice)
    return fine("SQLite", version)


def _judge_watch(machine: MachineMeasure) -> Symptom:
    if machine.watch == "inotify":
        return fine("watching", "the system tells of changes")
    if machine.watch == "polling":
        found = "the system tells of no changes here, so a server looks four times a second"
        return note("watching", found, "raise fs.inotify.max_user_watches if live pages feel slow")
    return note("watching", "watchfiles is not installed", "a server needs runfold[server]")
