"""What the endpoints answer from: one ledger, its view, and who listens to it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ledger import LogReader
from ledger.evidence.tree import LedgerTree
from projections import RunHistory
from projections.model_reading import ViewState
from web.api.open_streams import OpenStreams
from web.broadcast import Broadcast
from web.writing.recording import Recording

__all__ = ["ServedLedger"]


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
    ) -> None:
        """Serve what ``history`` reads; ``broadcast`` is told by whoever follows the log."""
        self.history = history
        self.reader: LogReader = history.reader
        self.broadcast = broadcast
        self.streams = streams
        self.heartbeat = heartbeat
        self._tree = LedgerTree(self.reader)
        self._tree_guard = threading.Lock()
        self.recording = Recording(history.reader.folder.path)

    def state(self) -> ViewState:
        """Tell what every answer depends on, cheaply: while it is equal, answers are."""
        return self.history.state()

    @contextmanager
    def tree(self) -> Iterator[LedgerTree]:
        """Lend the Merkle tree of the log to one thread at a time."""
        with self._tree_guard:
            yield self._tree
