"""A check of the whole log that somebody asked the server for: one at a time, in a process apart.

What the last one came to is kept in memory: it says something of the moment at which it was made,
and the log has no place for it.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from ledger.integrity.told_check import Told, start_check, told_by
from ledger.integrity.verify import Verification

__all__ = ["Verdict", "VerifyState", "Verifying"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check came to: when it began and ended, and what it found, or why it found nothing."""

    began: datetime
    ended: datetime
    found: Verification | None
    problem: str

    @property
    def seconds(self) -> float:
        """How long it took."""
        return max(0.0, (self.ended - self.began).total_seconds())


@dataclass(frozen=True, slots=True)
class VerifyState:
    """How the checks of a server stand.

    Attributes:
        began: when the check that goes on began; None where none does.
        checked: how many positions it has checked.
        of: of how many; 0 where that is not known yet.
        last: what the last one came to.
    """

    began: datetime | None = None
    checked: int = 0
    of: int = 0
    last: Verdict | None = None

    @property
    def is_running(self) -> bool:
        """Tell whether one goes on."""
        return self.began is not None


@dataclass
class Verifying:
    """Checks one log, for whoever asks, one at a time."""

    folder: Path
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    _state: VerifyState = field(default_factory=VerifyState, init=False)
    _guard: threading.Lock = field(default_factory=threading.Lock, init=False)
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _ended: threading.Event = field(default_factory=threading.Event, init=False)

    @property
    def state(self) -> VerifyState:
        """How it stands now."""
        return self._state

    def start(self) -> bool:
        """Begin a check; tell whether it was begun, as it is not while another one goes on."""
        with self._guard:
            if self._state.is_running:
                return False
            began = self.clock()
            self._process = start_check(self.folder)
            self._state = VerifyState(began=began, last=self._state.last)
            self._ended.clear()
        threading.Thread(target=self._hear, args=(self._process, began), daemon=True).start()
        return True

    def wait(self, seconds: float) -> bool:
        """Wait for the end of the check, but not longer; tell whether it has ended."""
        return self._ended.wait(seconds)

    def close(self) -> None:
        """End the check that goes on, if one does."""
        with self._guard:
            process = self._process
        if process is not None and self._state.is_running:
            process.kill()
            self._ended.wait()

    def _hear(self, process: subprocess.Popen[bytes], began: datetime) -> None:
        told = Told()
        for told in told_by(process):
            self._state = replace(self._state, checked=told.checked, of=told.of)
        verdict = Verdict(began, self.clock(), told.verification, told.problem)
        self._state = VerifyState(last=verdict)
        self._ended.set()
