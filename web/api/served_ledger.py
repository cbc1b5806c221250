"""What the endpoints answer from: one ledger, its view, and who listens to it."""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from ledger import LogReader
from ledger.evidence.tree import LedgerTree
from ledger.reading.mark_watch import MarkWatch
from projections import RunHistory
from web.api.open_streams import OpenStreams
from web.api.recording import Recording
from web.broadcast import Broadcast

__all__ = ["ServedLedger", "ViewState"]

_TRUSTED = 0.25


class ViewState(NamedTuple):
    """What all answers depend on, but for the clock: while it stays equal, they stay the same.

    Attributes:
        position: the last durable one.
        generation: tells the current model from the ones before it.
    """

    position: int
    generation: tuple[int, ...]


class ServedLedger:
    """One ledger, as a server has it open.

    Attributes:
        history: what the projections say.
        reader: the log itself.
        broadcast: tells of each move of the log.
        streams: those that are open.
        heartbeat: seconds of silence after which a stream says that it is still there.
        recording: the log for appending, which is opened when somebody does.
    """

    def __init__(
        self,
        history: RunHistory,
        broadcast: Broadcast,
        streams: OpenStreams,
        *,
        heartbeat: float = 15.0,
        redact: Sequence[str] = (),
    ) -> None:
        """Serve what ``history`` reads; ``broadcast`` is told by whoever follows the log.

        Args:
            history: what the projections say.
            broadcast: tells of each move of the log.
            streams: those that are open.
            heartbeat: seconds of silence after which a stream says that it is still there.
            redact: names of further keys whose text is never recorded.
        """
        self.history = history
        self.reader: LogReader = history.reader
        self.broadcast = broadcast
        self.streams = streams
        self.heartbeat = heartbeat
        self._mark = MarkWatch(self.reader)
        self._generation: tuple[int, ...] = ()
        self._trusted_until = 0.0
        self._tree = LedgerTree(self.reader)
        self._tree_guard = threading.Lock()
        self.recording = Recording(history.reader.folder.path, redact=redact)

    def state(self) -> ViewState:
        """Tell what every answer depends on: while it is equal, answers are.

        Cheap, as it is asked before each answer: the position is that of now, and a switch of
        generation, which says the same in other files, is seen a moment later.
        """
        now = time.monotonic()
        if now >= self._trusted_until:
            self._generation = self.history.generation()
            self._trusted_until = now + _TRUSTED
        return ViewState(self._mark.position(), self._generation)

    def tag(self) -> str:
        """Tell this view of this ledger from others, in an entity tag."""
        state = (self.reader.identity.ledger_id, self.history.generation())
        return f"{zlib.crc32(repr(state).encode()):08x}"

    def close(self) -> None:
        """Let go of what is open."""
        self._mark.close()
        self.history.close()

    @contextmanager
    def tree(self) -> Iterator[LedgerTree]:
        """Lend the Merkle tree of the log to one thread at a time."""
        with self._tree_guard:
            yield self._tree
