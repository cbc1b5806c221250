"""``RemoteLog``: a ledger elsewhere, as a run sees it: the part of ``EventLog`` that runs need.

An append returns when the event is on the disk of this machine, in the spool of its run; from
there it is sent in the background, in order. So a run never waits for the network, and never fails
because of it; nothing is lost, and nothing taken twice. What this costs: a receipt has no position
yet.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import SplitResult, urlsplit

import msgspec

from ledger.errors import InvalidEvent, LockTimeout
from ledger.line.shortening import encode_redacted
from ledger.recorded import NewEvent, Receipt
from ledger.remote.remote_run import RemoteRun
from ledger.remote.sent_event import as_sent
from ledger.remote.spool import Record, Spool, SpoolHead, spool_folder, spool_root
from ledger.secrets.redaction import Redaction, rules_of_environment
from ledger.writers.leases import LEASE_SECONDS

__all__ = ["PATIENCE", "RemoteLog", "parse_url"]

PATIENCE = 5.0


def parse_url(url: str) -> SplitResult:
    """Read the address of a ledger.

    Raises:
        InvalidEvent: it is none, or holds a password or a query.
    """
    try:
        address = urlsplit(url)
        valid = address.port is None or address.port > 0
    except ValueError:
        valid = False
    if not valid or address.scheme not in ("http", "https") or not address.hostname:
        raise InvalidEvent("url", f"{url!r} is not like https://host:8000")
    if address.username or address.password:
        raise InvalidEvent("url", "no password belongs in it: put a token into RUNFOLD_TOKEN")
    if address.query or address.fragment:
        raise InvalidEvent("url", f"{url!r} goes on behind its path")
    return address


class RemoteLog:
    """A ledger elsewhere. Safe to share between threads; each run has a thread of its own."""

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        spool: Path | str | None = None,
        patience: float = PATIENCE,
        timeout: float = 10.0,
        lease_seconds: float = LEASE_SECONDS,
        redact: Sequence[str] = (),
    ) -> None:
        """Name the ledger; nothing is sent before a run begins.

        Args:
            url: its address, like ``https://ledger.example:8000``.
            token: lets append there; None asks the environment for ``RUNFOLD_TOKEN``.
            spool: the folder of all spools; None asks for ``RUNFOLD_SPOOL``, else it is the user's.
            patience: seconds that the end of a run waits for what is left to be taken.
            timeout: seconds after which an answer is given up, and the events are sent again.
            lease_seconds: after how long without a sign of life the run is late.
            redact: names of further keys whose text is never recorded (see ``EventLog.open``).

        Raises:
            InvalidEvent: the address is none; names it.
        """
        self.url = url.rstrip("/")
        self._address = parse_url(self.url)
        self._token = token if token is not None else os.environ.get("RUNFOLD_TOKEN")
        self._folder = spool_folder(spool_root() if spool is None else Path(spool), self.url)
        self._patience = patience
        self._timeout = timeout
        self._lease_seconds = lease_seconds
        self._redaction = Redaction((*rules_of_environment(), *redact))
        self._runs: dict[str, RemoteRun] = {}

    def hold_run(self, run_id: str) -> RemoteRun:
        """Make the spool of a run that begins; releasing it ends the run here.

        Raises:
            InvalidEvent: the run id is not an identifier.
            AppendFailed: the spool cannot be made.
            LockTimeout: this run is recorded here already, and its events belong to that start.
        """
        held = self._runs.get(run_id)
        if held is not None and not held.released:
            raise LockTimeout(held.spool.path, 0.0, os.getpid())
        run = RemoteRun(
            Spool.create(self._folder, SpoolHead(self.url, run_id)),
            self._address,
            token=self._token,
            patience=self._patience,
            timeout=self._timeout,
            lease_seconds=self._lease_seconds,
        )
        # In place: another thread may hold a run at the same time, in the same dict.
        for name in [name for name, other in [*self._runs.items()] if other.released]:
            self._runs.pop(name, None)
        self._runs[run_id] = run
        return run

    def append(self, event: NewEvent, *, expected_sequence: int | None = None) -> Receipt:
        """Keep one event of a run that is held, and have it sent.

        The receipt says that it is on disk here; its position is 0, as nobody knows it yet.

        Raises:
            InvalidEvent: the event may not enter the log; names the field.
            AppendFailed: it cannot be kept.
        """
        run = self._runs.get(event.run_id or "")
        if run is None or event.run_id is None:
            raise InvalidEvent("run_id", f"{event.run_id!r} is not a run that is recorded here")
        body = encode_redacted(event, self._redaction)
        run.append(Record(msgspec.Raw(as_sent(body)), expected_sequence))
        return Receipt(event.event_id, event.run_id, 0, 0, "", durable=True)

    def append_batch(
        self,
        events: Sequence[NewEvent],
        *,
        expected_sequence: int | None = None,
        fresh_run: bool = False,  # noqa: ARG002 - a ledger elsewhere looks in any case
    ) -> list[Receipt]:
        """Keep events of one run, in order; the first tells where the run must stand."""
        first = [expected_sequence, *[None] * len(events)]
        return [
            self.append(event, expected_sequence=expected)
            for event, expected in zip(events, first, strict=False)
        ]

    def close(self) -> None:
        """Release the runs that are still held. Closing twice does nothing."""
        while self._runs:
            self._runs.popitem()[1].release()

    def __enter__(self) -> Self:
        """Give the log itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the log."""
        self.close()
