"""The ledger: the facts, and the evidence that they are whole. Knows nothing of what they mean."""

from ledger.errors import LedgerError
from ledger.events import NewEvent, Receipt, RecordedEvent
from ledger.log import EventLog
from ledger.reader import LogReader
from ledger.run_context import RunContext, StageContext, current_run, current_stage

__all__ = [
    "EventLog",
    "LedgerError",
    "LogReader",
    "NewEvent",
    "Receipt",
    "RecordedEvent",
    "RunContext",
    "StageContext",
    "current_run",
    "current_stage",
]
