"""A run that is recorded elsewhere: its spool, and the thread that sends it and keeps its lease."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import SplitResult

from ledger.disk.fork_safety import forget_in_children
from ledger.remote.sending import Sending, Unreachable
from ledger.remote.spool import Record, Spool, drop_begun, left_spools

if TYPE_CHECKING:
    from ledger.remote.ledger_client import LedgerClient

__all__ = ["RemoteRun"]

_logger = logging.getLogger("runfold")
_FIRST_PAUSE, _LAST_PAUSE, _LONGEST_PAUSE = 0.1, 0.5, 30.0
_LEASES_MISSED = 3


class RemoteRun:
    """Sends the events of one run as they come, until it is released."""

    def __init__(
        self,
        spool: Spool,
        address: SplitResult,
        *,
        token: str | None,
        patience: float,
        timeout: float,
        lease_seconds: float,
    ) -> None:
        """Begin to send.

        Args:
            spool: where the events wait.
            address: the parsed URL of the ledger.
            token: lets append there.
            patience: seconds that ``release`` waits for what is left to be taken.
            timeout: seconds after which an answer is given up.
            lease_seconds: how long a lease lasts; it is kept three times as often.
        """
        self.spool = spool
        self._address = address
        self._token = token
        self._patience = patience
        self._timeout = timeout
        self._lease_seconds = lease_seconds
        self._lease_due = 0.0
        self._away = False
        self._is_sent = False
        self._other: Sending | None = None
        self._wake = threading.Event()
        self._released = threading.Event()
        self._deadline: float | None = None
        self._thread = threading.Thread(target=self._work, name="runfold-send", daemon=True)
        self._thread.start()
        forget_in_children(self)

    def forget_in_child(self) -> None:
        """Wake nobody in a forked child: the sender is the parent's, and may hold the lock."""
        self._wake, self._released = threading.Event(), threading.Event()

    @property
    def released(self) -> bool:
        """Whether the run has ended here."""
        return self._released.is_set()

    def append(self, record: Record) -> None:
        """Keep an event, and have it sent; it outlives this process when this returns.

        Raises:
            AppendFailed: it cannot be kept here.
        """
        self.spool.append(record)
        self._wake.set()

    def release(self) -> None:
        """Wait a while for all to be taken; what is not stays in the spool. Twice does nothing."""
        if self._deadline is not None:
            return
        self._deadline = time.monotonic() + self._patience
        self._released.set()
        self._wake.set()
        self._thread.join(max(0.0, self._deadline - time.monotonic()))
        if self.spool.path.exists():
            _logger.warning(
                "The ledger at %s has not taken all of run %s; what is left waits in %s"
                " and is sent by the next run that is recorded there.",
                self.spool.head.url,
                self.spool.head.run_id,
                self.spool.path,
            )

    def _work(self) -> None:
        # Here, in the background: it takes longer to import than a short command to run.
        from ledger.remote.ledger_client import LedgerClient  # noqa: PLC0415

        sending = Sending(self.spool)
        left = _left_by_others(self.spool)
        pause = _FIRST_PAUSE
        client = LedgerClient(self._address, token=self._token, timeout=self._timeout)
        with closing(client):
            while not self._is_over():
                self._wake.clear()
                try:
                    more = self._step(client, sending, left)
                except (Unreachable, OSError) as error:
                    if self._is_sent:
                        break
                    self._tell(away=str(error))
                    asked = error.pause if isinstance(error, Unreachable) else 0.0
                    self._wait(max(asked, pause * random.uniform(0.5, 1.0)))  # noqa: S311 - spreads the tries of many, guards nothing
                    pause = min(pause * 2, _LONGEST_PAUSE)
                    continue
                self._tell(away=None)
                pause = _FIRST_PAUSE
                if more:
                    continue
                if self._is_sent:
                    break
                due = self._lease_due - time.monotonic() if sending.has_begun else None
                self._wake.wait(due)
        self.spool.close()
        if self._other is not None:
            self._other.spool.close()

    def _step(self, client: LedgerClient, sending: Sending, left: Iterator[Spool]) -> bool:
        """Do what is due next, and tell whether there may be more."""
        if self._is_sent:
            return self._send_other(client, left)
        due = sending.has_begun and time.monotonic() >= self._lease_due
        if due and not self._released.is_set():
            client.keep_lease(self.spool.head.run_id, self._lease_seconds)
            self._lease_due = time.monotonic() + self._lease_seconds / _LEASES_MISSED
        if sending.send_some(client):
            return True
        if self._released.is_set():
            # Before what others left: however much that is, this run is not what waits.
            self._is_sent = sending.finish()
            return True
        return self._send_other(client, left)

    def _send_other(self, client: LedgerClient, left: Iterator[Spool]) -> bool:
        """Send the next batch of what another writer has left, and tell whether there was one."""
        if self._other is None:
            spool = next(left, None)
            self._other = None if spool is None else Sending(spool)
        if self._other is None:
            return False
        if not self._other.send_some(client) and self._other.finish_for_another(client):
            self._other = None
        return True

    def _is_over(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline

    def _wait(self, seconds: float) -> None:
        """Wait before the next try; once released, not for long, and not beyond its patience."""
        if self._deadline is None:
            self._released.wait(seconds)
        else:
            left = self._deadline - time.monotonic()
            time.sleep(max(0.0, min(seconds, _LAST_PAUSE, left)))

    def _tell(self, *, away: str | None) -> None:
        """Tell once that the ledger is away, and once that it is back."""
        if self._away == (away is not None):
            return
        self._away = away is not None
        url, path = self.spool.head.url, self.spool.path
        if away is not None:
            _logger.warning("The ledger at %s is away (%s); events wait in %s", url, away, path)
        else:
            _logger.info("The ledger at %s is back", url)


def _left_by_others(spool: Spool) -> Iterator[Spool]:
    """Yield the spools for the same ledger whose writers are gone."""
    drop_begun(spool.path.parent, now=time.time())
    for path in left_spools(spool.path.parent):
        other = None if path == spool.path else Spool.take_over(path)
        if other is not None:
            yield other
