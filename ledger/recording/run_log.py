"""What a run needs of the log it is recorded in, be it a folder here or a ledger elsewhere."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from ledger.disk.folder import DEFAULT_FOLDER
from ledger.recorded import NewEvent, Receipt

__all__ = ["HeldRun", "OpenRunLog", "RunLog", "open_run_log"]


class HeldRun(Protocol):
    """The sign that the writer of a run is there."""

    def release(self) -> None:
        """Give it up: the run has ended. Twice does nothing."""


class RunLog(Protocol):
    """Where runs are recorded: an ``EventLog`` or a ``RemoteLog``."""

    def hold_run(self, run_id: str) -> HeldRun:
        """Show that this process records a run, from before its first event on."""

    def append(self, event: NewEvent) -> Receipt:
        """Append one event."""

    def append_batch(
        self,
        events: Sequence[NewEvent],
        *,
        expected_sequence: int | None = None,
        fresh_run: bool = False,
    ) -> list[Receipt]:
        """Append events together, in order."""


class OpenRunLog(RunLog, Protocol):
    """One that was opened for a run, and is closed with it."""

    def close(self) -> None:
        """Let go of it."""


def open_run_log(place: Path | str | None = None, *, redact: Sequence[str] = ()) -> OpenRunLog:
    """Open the log of a run.

    Args:
        place: the URL of a ledger elsewhere, or a data folder; None asks the environment for
            ``RUNFOLD_URL``, then ``RUNFOLD_DIR``, and takes the usual folder in the end.
        redact: names of further keys whose text is never recorded (see ``EventLog.open``).

    Raises:
        InvalidEvent: it should be a URL, and is none.
        LedgerError: what ``EventLog.open`` raises.
    """
    url = os.environ.get("RUNFOLD_URL") if place is None else None
    if place is None:
        place = url or os.environ.get("RUNFOLD_DIR") or DEFAULT_FOLDER
    # Only what is used is imported: a short command should not wait for the other.
    if isinstance(place, str) and (url or "://" in place):
        from ledger.remote.remote_log import RemoteLog  # noqa: PLC0415 - see above

        return RemoteLog(place, redact=redact)
    from ledger.log import EventLog  # noqa: PLC0415 - see above

    return EventLog.open(place, redact=redact)
