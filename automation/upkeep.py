"""What a server does for its ledger beside answering: a small round, again and again.

It takes in what was lost and is back, notes the runs whose writer died or fell silent, keeps
``runs.jsonl`` and the index of lines, and signs tree heads if it has the key.
Where the folder cannot be written, the ledger is served as it is.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import UTC, datetime

from automation.notary import Notary
from automation.running.abandonment import find_dead_runs, record_abandoned_runs
from ledger import EventLog, LedgerError
from ledger.errors import LedgerDamaged
from ledger.evidence.signed_note import SigningKey
from ledger.writers.leases import drop_old_leases
from projections import RunHistory, RunsFile

__all__ = ["Upkeep"]

_logger = logging.getLogger("runfold.server")


class Upkeep:
    """One server's upkeep of one ledger."""

    def __init__(self, history: RunHistory, key: SigningKey | None = None) -> None:
        """Keep the ledger that ``history`` shows; ``key`` signs its tree heads."""
        self._history = history
        self._runs_file = RunsFile(history.reader)
        self._notary = None if key is None else Notary(history.reader, key)
        self._listening_since = datetime.now(UTC)
        self._said: str | None = None

    def do_round(self) -> None:
        """Do everything that is due; a failure is told once, and tried again at the next round."""
        try:
            folder = self._history.reader.folder
            if not folder.exists():
                return
            self._history.look_for_lost()
            self._index_lines()
            self._note_abandoned_runs()
            drop_old_leases(folder, now=datetime.now(UTC))
            self._runs_file.catch_up(most=RunsFile.PORTION)
            if self._notary is not None:
                self._notary.sign_if_due()
            self._said = None
        except (LedgerError, OSError) as error:
            self._tell(error)

    def _index_lines(self) -> None:
        """Find out where the lines of runs lie now: whoever asks first would wait for it."""
        reader = self._history.reader
        # Damage is told by whoever comes upon it, and keeps the rest of the round from nothing.
        with suppress(LedgerDamaged, OSError):
            mark = reader.mark()
            reader.run_index.take_in(mark.segment, mark.offset)

    def _note_abandoned_runs(self) -> None:
        since = self._listening_since
        if find_dead_runs(self._history, listening_since=since):
            with EventLog.open(self._history.reader.folder.path) as log:
                record_abandoned_runs(
                    log, self._history, detected_by="runfold serve", listening_since=since
                )

    def _tell(self, error: Exception) -> None:
        if self._said != str(error):
            self._said = str(error)
            _logger.warning("Serving the ledger as it is: %s", error)
