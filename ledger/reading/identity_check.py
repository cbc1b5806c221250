"""Whether ``ledger.json`` belongs to the log beside it: position 1 says the same.

The file is small and looks alike in every folder, so it is the one that a copy by hand exchanges.
Whoever wrote on would put the events of one ledger behind those of another.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from ledger.disk.files import open_file, read_range
from ledger.disk.folder import LedgerFolder
from ledger.errors import BadLine, LedgerDamaged
from ledger.line.codec import MAX_LINE, Envelope, decode_envelope

if TYPE_CHECKING:
    from ledger.events import LedgerCreated

__all__ = ["check_identity", "created_event", "line_at_start"]


class _Name(msgspec.Struct):
    ledger_id: str


_decode_name = msgspec.json.Decoder(_Name).decode


def check_identity(folder: LedgerFolder, ledger_id: str) -> None:
    """Compare the id that ``ledger.json`` gives with position 1, by one read of that line.

    Where that line is not there, or not sound, nothing is said: recovery and ``verify`` do.

    Raises:
        LedgerDamaged: they are of two ledgers.
    """
    line = line_at_start(folder, 1)
    named = _named(line) if line and line.position == 1 else None
    if named is not None and named != ledger_id:
        reason = (
            f"it says ledger {ledger_id}, but position 1 of the log says {named}:"
            " put the file back that belongs here"
        )
        raise LedgerDamaged("ledger.json", 0, 0, reason)


def _named(line: Envelope) -> str | None:
    if line.type != "ledger_created":
        return None
    try:
        return _decode_name(line.data).ledger_id
    except msgspec.DecodeError:
        return None


def line_at_start(folder: LedgerFolder, segment: int) -> Envelope | None:
    """Read the first line of a segment; None where that is not a sound one."""
    try:
        fd = open_file(folder.segment(segment))
    except OSError:
        return None
    try:
        line, newline, _ = read_range(fd, 0, MAX_LINE).partition(b"\n")
        return decode_envelope(line) if newline else None
    except BadLine:
        return None
    finally:
        os.close(fd)


def created_event(line: Envelope | None) -> LedgerCreated | None:
    """Read what line 1 says; None where it says nothing of who the ledger is."""
    # Here, as it is a model: a process that opens a log would wait for it to be made.
    from ledger.events import LedgerCreated  # noqa: PLC0415 - see above

    if line is None or line.type != LedgerCreated.type:
        return None
    try:
        return LedgerCreated.model_validate_json(bytes(line.data))
    except ValueError:
        return None
