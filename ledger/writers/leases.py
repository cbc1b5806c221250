"""Leases: how a writer on another machine says that it is still there, without an event.

A lease is a small file, ``leases/<run_id>``, which the server of the ledger replaces whenever the
writer asks for more time. So it outlives the server, everybody who can read the folder judges by
it, and the log holds no heartbeats. A writer that appends to the folder itself needs none: its lock
tells.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from enum import Enum

import msgspec

from ledger.disk.files import read_file, replace_atomically
from ledger.disk.folder import LedgerFolder
from ledger.errors import InvalidEvent, LedgerUnwritable
from ledger.identifiers import RUN_ID

__all__ = ["LEASE_SECONDS", "Lease", "LeaseState", "drop_old_leases", "keep_lease", "read_lease"]

LEASE_SECONDS = 90.0
"""How long a lease lasts unless the writer asks for another time: three calls, one each 30 s."""

_LONGEST = 3600.0
_KEPT = timedelta(days=1)


class LeaseState(Enum):
    """What a lease says of its writer."""

    KEPT = "kept"
    LATE = "late"
    RUN_OUT = "run out"


class Lease(msgspec.Struct, frozen=True):
    """Until when a writer has promised to be heard of.

    Attributes:
        until: that time, by the clock of the ledger's machine.
        seconds: how long the promise was when it was made.
    """

    until: datetime
    seconds: float

    def state(self, now: datetime, *, heard: datetime | None = None) -> LeaseState:
        """Judge it: once it is over it is late, and after as long again it has run out.

        Args:
            now: by the same clock.
            heard: a later sign of life, or when anybody began to listen for one.
        """
        length = timedelta(seconds=self.seconds)
        until = self.until if heard is None else max(self.until, heard + length)
        if now <= until:
            return LeaseState.KEPT
        return LeaseState.LATE if now <= until + length else LeaseState.RUN_OUT


def keep_lease(
    folder: LedgerFolder, run_id: str, *, now: datetime, seconds: float = LEASE_SECONDS
) -> Lease:
    """Write down that the writer of a run is there, and has promised to say so again in time.

    Raises:
        InvalidEvent: the run id is not an identifier, or the time is out of bounds.
        LedgerUnwritable: the folder cannot be written.
    """
    if not RUN_ID.fullmatch(run_id):
        raise InvalidEvent("run_id", f"{run_id[:128]!r} is not an identifier")
    if not 0 < seconds <= _LONGEST:
        raise InvalidEvent("seconds", f"{seconds:g} is not more than 0 and at most {_LONGEST:g}")
    lease = Lease(now.astimezone(UTC) + timedelta(seconds=seconds), seconds)
    try:
        folder.leases.mkdir(exist_ok=True)
        replace_atomically(folder.leases / run_id, msgspec.json.encode(lease))
    except OSError as error:
        reason = error.strerror or str(error)
        raise LedgerUnwritable(folder.path, f"a lease cannot be kept: {reason}") from error
    return lease


def read_lease(folder: LedgerFolder, run_id: str) -> Lease | None:
    """Give the lease of a run; None where there is none that can be read."""
    if not RUN_ID.fullmatch(run_id):
        return None
    try:
        return msgspec.json.decode(read_file(folder.leases / run_id), type=Lease)
    except (OSError, msgspec.DecodeError):
        return None


def drop_old_leases(folder: LedgerFolder, *, now: datetime) -> None:
    """Remove the leases that were over a day ago: their runs have ended, or were given up."""
    with suppress(OSError):
        for path in folder.leases.iterdir():
            # Writing one is the last that is done to it, and no lease is longer than an hour.
            if now.timestamp() - path.stat().st_mtime > _KEPT.total_seconds():
                path.unlink(missing_ok=True)
