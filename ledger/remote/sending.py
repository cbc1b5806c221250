"""Send what is in one spool, in order, batch by batch; set aside what is refused for good."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from ledger.remote.set_aside import SetAside
from ledger.remote.spool import Record, Spool, refused_path

__all__ = ["KeepsLeases", "Refused", "Sending", "Takes", "Unreachable"]

_logger = logging.getLogger("runfold")
_MOST_EVENTS = 200
_OVER_SOON = 0.5
_KNOWN, _NOT_ALLOWED = "event-id-conflict", "illegal-transition"


@dataclass(eq=False)
class Unreachable(Exception):
    """The ledger did not take it now: try again, ``pause`` seconds later if it said so."""

    reason: str
    pause: float = 0.0

    def __str__(self) -> str:
        return self.reason


@dataclass(eq=False)
class Refused(Exception):
    """The ledger will never take it; ``problem`` is what it calls that, where it is known."""

    reason: str
    problem: str | None = None

    def __str__(self) -> str:
        return self.reason


class Takes(Protocol):
    """What takes events: a ``LedgerClient``."""

    def send(self, records: Sequence[Record]) -> None:
        """Take a batch whole, or raise ``Refused`` or ``Unreachable``."""


class KeepsLeases(Protocol):
    """What is told that writers are there: a ``LedgerClient``."""

    def keep_lease(self, run_id: str, seconds: float) -> None:
        """Say that a writer will be heard of within some seconds, or raise ``Unreachable``."""


class _Typed(msgspec.Struct):
    type: str
    run_id: str | None = None


class Sending:
    """One spool on its way. Used by one thread."""

    def __init__(self, spool: Spool) -> None:
        """Begin at the beginning: what the ledger has already, it takes for what it is."""
        self.spool = spool
        self._aside = SetAside(refused_path(spool.path))
        self._offset = 0
        self._singly = 0
        self._start_refused: str | None = None
        self._lacks_end = self._has_end = self._is_anew = False

    @property
    def has_begun(self) -> bool:
        """Whether the start of the run was taken; a refused one is of a run of somebody else."""
        return self._offset > 0 and self._start_refused is None

    def send_some(self, client: Takes) -> bool:
        """Send the next batch, and tell whether there was one.

        Raises:
            Unreachable: it was not taken, and will be sent again.
        """
        records, end = self._next()
        if not records:
            return False
        if self._start_refused is not None:
            self._set_aside(records, self._start_refused)
        else:
            try:
                client.send(records)
                self._note_end(records)
            except Refused as refused:
                if len(records) > 1:
                    # One of them may be at fault, the others not.
                    self._singly = len(records)
                    return True
                if refused.problem == _NOT_ALLOWED and not self._is_anew:
                    self._begin_anew()
                    return True
                self._refuse(records[0], refused)
        self._singly = max(0, self._singly - len(records))
        self._offset = end
        return True

    def finish(self) -> bool:
        """Forget the spool if all of it was sent; False where more came meanwhile."""
        return self.spool.remove_behind(self._offset)

    def finish_for_another(self, client: KeepsLeases) -> bool:
        """Do what ``finish`` does for a writer that is gone.

        Nobody would ever tell the ledger, if the run has no end and no lease: so it gets one that
        is over soon, and the ledger says the rest.

        Raises:
            Unreachable: it could not be told; the spool stays.
        """
        if self._lacks_end:
            client.keep_lease(self.spool.head.run_id, _OVER_SOON)
        return self.finish()

    def _begin_anew(self) -> None:
        """Go back to the beginning, once: the ledger may have lost what it had taken.

        One that was restored from a backup has; what it has after all, it takes for what it is.
        """
        self._is_anew = True
        self._offset = self._singly = 0

    def _note_end(self, records: Sequence[Record]) -> None:
        """Note whether the ledger has taken the end of the run; remarks may come behind it."""
        types = [msgspec.json.decode(record.event, type=_Typed).type for record in records]
        self._has_end = self._has_end or "run_ended" in types
        self._lacks_end = not self._has_end

    def _next(self) -> tuple[list[Record], int]:
        """Give what is sent next, and the offset behind it."""
        most = 1 if self._singly else _MOST_EVENTS
        records: list[Record] = []
        end = self._offset
        for record, behind in self.spool.read(self._offset):
            alone = record.expected_sequence is not None
            if records and alone:
                break
            records.append(record)
            end = behind
            if alone or len(records) == most:
                break
        return records, end

    def _refuse(self, record: Record, refused: Refused) -> None:
        """Set an event aside; without its start no other event of a run may go to the ledger.

        A start that is known was taken, before the ledger came to word it otherwise.
        """
        typed = msgspec.json.decode(record.event, type=_Typed)
        self._set_aside([record], refused.reason)
        if typed.type == "run_started" and refused.problem != _KNOWN:
            self._start_refused = f"the start of run {typed.run_id} was refused"

    def _set_aside(self, records: Sequence[Record], reason: str) -> None:
        self._aside.add([record.event for record in records], reason)
        _logger.warning(
            "The ledger at %s refused %d of the events of run %s, kept in %s: %s",
            self.spool.head.url,
            len(records),
            self.spool.head.run_id,
            self._aside.path,
            reason,
        )
