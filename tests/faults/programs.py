"""What the processes of the fault runs do, each until it is done or killed.

They run in children of ``workshop.py``. Every one says, a line each, what was acknowledged to it;
by ``writev``, which no fault is injected into.
"""

from __future__ import annotations

import errno
import gc
import os
import resource
import shutil
import tempfile
import uuid
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import TypeVar

import msgspec

from ledger import EventLog, LedgerError, LogReader, NewEvent, Receipt
from ledger.events import FailureAcknowledged
from ledger.evidence.signed_note import SigningKey
from ledger.evidence.tree_head_signing import sign_tree_head
from ledger.integrity.backup import back_up
from ledger.integrity.repair import repair
from ledger.remote.set_aside import SetAside
from ledger.remote.spool import Record, Spool, SpoolHead, refused_path

__all__ = ["PROGRAMS", "numbered", "warm_up"]

Made = TypeVar("Made")

_TRIES = 20
_NAMES = uuid.UUID(int=0)


def say(*words: object) -> None:
    """Say one line, at once and whole."""
    os.writev(1, [(" ".join(map(str, words)) + "\n").encode()])


def numbered(producer: str, number: int, parts: int = 1, size: int = 0) -> list[NewEvent]:
    """Give the batch that a producer appends under a number: its ids can be told in advance."""
    return [
        NewEvent(
            FailureAcknowledged(
                fingerprint="f00d",
                note=f"{producer} {number} {part} {parts} " + "x" * size,
                actor="anna",
            ),
            None,
            str(uuid.uuid5(_NAMES, f"{producer} {number} {part}")),
        )
        for part in range(parts)
    ]


def until_it_works(action: Callable[[], Made], *, errors: type[Exception] = LedgerError) -> Made:
    """Do it again after every error of ours; say the error. Others end the program."""
    for _ in range(_TRIES):
        try:
            return action()
        except errors as error:
            say("error", type(error).__name__, error)
    raise AssertionError("it never works again")


def _open(folder: str, segment_bytes: int = 1 << 26) -> EventLog:
    return until_it_works(lambda: EventLog.open(folder, segment_bytes=segment_bytes))


def _append(log: EventLog, events: Sequence[NewEvent]) -> list[Receipt]:
    receipts = until_it_works(lambda: log.append_batch(events))
    for receipt in receipts:
        say("ack", receipt.event_id)
    return receipts


def append_for_ever(folder: str, producer: str, *load: str) -> None:
    """Append batch after batch, every third one alone and small, until somebody ends this.

    The load is: lines of a batch, bytes of a line, bytes of a segment, durability.
    """
    parts, size, segment_bytes, durability = load
    mode: dict[str, str] = {"durability": durability}
    log = EventLog.open(folder, segment_bytes=int(segment_bytes), **mode)  # type: ignore[arg-type]
    for number in count():
        large = number % 3 != 0
        batch = numbered(producer, number, int(parts) if large else 1, int(size) if large else 0)
        for receipt in log.append_batch(batch):
            say("ack", receipt.event_id)


def append_some(folder: str, producer: str, segment_bytes: str, batches: str) -> None:
    """Open, or make, and append; after an error again."""
    log = _open(folder, int(segment_bytes))
    for number in range(int(batches)):
        _append(log, numbered(producer, number, 1 + number % 3))
    log.close()


def append_beside_forks(folder: str, producers: str, batches: str) -> None:
    """Append from several processes at once: forks that share an open log, and this one."""
    log = _open(folder, 6000)
    children = []
    for number in range(1, int(producers)):
        pid = os.fork()
        if not pid:
            _append_as(log, f"fork-{number}", int(batches))
            os._exit(0)
        children.append(pid)
    _append_as(log, "parent", int(batches))
    assert all(os.waitpid(pid, 0)[1] == 0 for pid in children)
    log.close()


def _append_as(log: EventLog, producer: str, batches: int) -> None:
    for number in range(batches):
        _append(log, numbered(producer, number, 1 + number % 2))


def append_undurably(folder: str, producer: str) -> None:
    """Append without waiting for a sync, then sync and close."""
    say("undurable")
    log = until_it_works(lambda: EventLog.open(folder, durability="process"))
    for number in range(4):
        _append(log, numbered(producer, number, 2))
    until_it_works(log.sync)
    say("durable")
    until_it_works(log.close)


def sign(folder: str, key: str) -> None:
    """Append, and sign the tree head, twice; say the size that was signed."""
    log = _open(folder)
    for number in range(2):
        _append(log, numbered("signer", number))
        head = until_it_works(
            lambda: sign_tree_head(LogReader(folder), SigningKey.parse(key)), errors=Exception
        )
        say("signed", head.size)
    log.close()


def mend(folder: str) -> None:
    """Repair a log, as ``runfold repair --yes`` does."""
    say("repaired", repair(folder, actor="anna", reason="the disk lost a block", jobs=1).position)


def copy(folder: str, target: str) -> None:
    """Back a log up, as ``runfold backup`` does."""
    say("copied", back_up(folder, target).position)


def keep(folder: str) -> None:
    """Keep events for a ledger elsewhere: some are sent, one is refused, more come."""
    spool = Spool.create(Path(folder), SpoolHead("http://127.0.0.1:1", "run"))
    say("begun")
    for number in range(6):
        event = {"event_id": f"event-{number}"}
        spool.append(Record(msgspec.Raw(msgspec.json.encode(event))))
        say("ack", event["event_id"])
    ((record, offset), *_) = spool.read(0)
    SetAside(refused_path(spool.path)).add([record.event], "it is refused")
    spool.remove_behind(offset)
    *_, (_, offset) = spool.read(offset)
    say("sent")
    spool.remove_behind(offset)


def append_under_size_limits(folder: str, parts: str) -> None:
    """Append under every file size limit that ends the write inside the batch."""
    log = EventLog.open(folder)
    segment = log.folder.segment(log.folder.segments()[-1])
    batch = numbered("limited", 0, int(parts))
    start = segment.stat().st_size
    # Lines of the same lengths tell how long the batch is; the last bytes are left a margin.
    _append(log, numbered("measure", 0, int(parts)))
    length = segment.stat().st_size - start
    start = segment.stat().st_size
    for more in range(length - 20):
        resource.setrlimit(resource.RLIMIT_FSIZE, (start + more, resource.RLIM_INFINITY))
        try:
            log.append_batch(batch)
        except LedgerError as error:
            _must_name("ulimit -f", error)
        else:
            raise AssertionError(f"all of the batch went into {more} bytes")
        assert segment.stat().st_size == start, more
    # What is said goes into a file too, so the limit is lifted first.
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    say("refused", length - 20)
    _append(log, batch)
    log.close()


def append_under_descriptor_limits(folder: str) -> None:
    """Open and append with ever more file descriptors allowed, from too few on."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = _descriptors()
    for limit in range(3, 24):
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, most))
        try:
            _append_a_few(folder, limit)
        except LedgerError as error:
            _must_name(os.strerror(errno.EMFILE), error)
            say("refused", limit)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        assert _descriptors() == before, f"a descriptor was left open under the limit {limit}"
    with EventLog.open(folder) as log:
        _append(log, numbered("enough", 0))


def _append_a_few(folder: str, number: int) -> None:
    with EventLog.open(folder, segment_bytes=1500) as log:
        for receipt in log.append_batch(numbered("few", number, 3)):
            say("ack", receipt.event_id)


def _must_name(cause: str, error: LedgerError) -> None:
    if cause not in str(error):
        raise AssertionError(f"it does not name its cause: {error}") from error


def _descriptors() -> int:
    """Count the open files, without those of index files that were mapped and let go of."""
    gc.collect()
    return sum(_is_open(fd) for fd in range(64))


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def warm_up() -> None:
    """Do everything once, so that what a program imports and keeps is there before any fault."""
    scratch = Path(tempfile.mkdtemp())
    folder = scratch / "log"
    try:
        log = EventLog.open(folder, segment_bytes=1500)
        for number in range(6):
            log.append_batch(numbered("warm", number))
        log.close()
        key = SigningKey.generate(f"runfold/{log.reader.identity.ledger_id}")
        sign_tree_head(LogReader(folder), SigningKey.parse(key.encoded))
        with Path(folder, "events", f"{log.folder.segments()[-1]:020d}.jsonl").open("ab") as file:
            file.write(b"torn")
        EventLog.open(folder).close()
        back_up(folder, scratch / "copy")
        repair(folder, actor="anna", reason="none", jobs=1)
        Spool.create(scratch / "spool", SpoolHead("http://127.0.0.1:1", "run")).close()
    finally:
        shutil.rmtree(scratch)


PROGRAMS: dict[str, Callable[..., None]] = {
    program.__name__: program
    for program in (
        append_for_ever,
        append_some,
        append_beside_forks,
        append_undurably,
        sign,
        mend,
        copy,
        keep,
        append_under_size_limits,
        append_under_descriptor_limits,
    )
}
