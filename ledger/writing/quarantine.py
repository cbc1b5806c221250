"""What recovery does with a torn tail: keep its bytes aside, then cut it off."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection

from ledger.disk.files import read_file, read_range, replace_atomically, sync_data
from ledger.disk.folder import LedgerFolder, segment_name
from ledger.line.walk import End, Flaw
from ledger.payloads.derived import LedgerRecovered
from ledger.payloads.payload import build

__all__ = ["cut_torn_tail", "find_unnoted"]

_NAME = re.compile(r"(\d{20})-(\d+)-[0-9a-f]{16}\.bin")


def cut_torn_tail(
    folder: LedgerFolder, fd: int, end: End, flaw: Flaw, *, sync: bool = True
) -> LedgerRecovered:
    """Move everything after ``end`` of the active segment to ``quarantine/``, then cut it.

    The bytes are on disk in their new place before they are cut from the old one, so a crash
    between the two costs nothing. The caller holds the lock. ``sync`` is off for a poisoned
    segment, which nobody may sync again.

    Returns:
        What is to be appended: the log says itself what was cut.
    """
    torn = read_range(fd, end.offset, os.fstat(fd).st_size)
    digest = hashlib.sha256(torn).hexdigest()
    name = f"{end.segment:020d}-{end.offset}-{digest[:16]}.bin"
    folder.quarantine.mkdir(exist_ok=True)
    replace_atomically(folder.quarantine / name, torn)
    os.ftruncate(fd, end.offset)
    if sync:
        sync_data(fd)
    return _recovered(name, torn, flaw.reason)


def find_unnoted(
    folder: LedgerFolder, durable: End, noted: Collection[str]
) -> list[LedgerRecovered]:
    """Find what was cut off above ``durable`` by an opener that ended before it could say so."""
    try:
        names = sorted(path.name for path in folder.quarantine.iterdir())
    except FileNotFoundError:
        return []
    found = []
    for name in names:
        match = _NAME.fullmatch(name)
        if match is None or name in noted:
            continue
        if (int(match[1]), int(match[2])) >= (durable.segment, durable.offset):
            torn = read_file(folder.quarantine / name)
            reason = "cut off by an opener that ended before it could say so"
            found.append(_recovered(name, torn, reason))
    return found


def _recovered(name: str, torn: bytes, reason: str) -> LedgerRecovered:
    """Say what was cut: the name of the file says from where."""
    segment, offset, _ = name.split("-")
    return build(
        LedgerRecovered,
        segment=segment_name(int(segment)),
        offset=int(offset),
        cut_bytes=len(torn),
        sha256=hashlib.sha256(torn).hexdigest(),
        quarantine=name,
        reason=reason,
    )
