"""What the endpoints answer from: one ledger, its view, and who listens to it."""

from __future__ import annotations

from ledger import LogReader
from projections import RunHistory
from projections.model_reading import ViewState
from web.api.recording import Recording
from web.broadcast import Broadcast

__all__ = ["ServedLedger"]


class ServedLedger:
    """One ledger, as a server has it open.

    Attributes:
        history: what the projections say.
        reader: the log itself.
        broadcast: tells of each move of the log.
        recording: the log for appending, which is opened when somebody does.
    """

    def __init__(self, history: RunHistory, broadcast: Broadcast) -> None:
        """Serve what ``history`` reads; ``broadcast`` is told by whoever follows the log."""
        self.history = history
        self.reader: LogReader = history.reader
        self.broadcast = broadcast
        self.recording = Recording(history.reader.folder.path)

    def state(self) -> ViewState:
        """Tell what every answer depends on, cheaply: while it is equal, answers are."""
        return self.history.state()
