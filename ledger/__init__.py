"""The ledger: the facts, and the evidence that they are whole. Knows nothing of what they mean."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ledger.errors import LedgerError
    from ledger.log import EventLog
    from ledger.reading.reader import LogReader
    from ledger.recorded import NewEvent, Receipt, RecordedEvent
    from ledger.recording.run_context import RunContext, current_run
    from ledger.recording.stage_context import StageContext, current_stage

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

_HOMES = {
    "EventLog": "log",
    "LedgerError": "errors",
    "LogReader": "reading.reader",
    "NewEvent": "recorded",
    "Receipt": "recorded",
    "RecordedEvent": "recorded",
    "RunContext": "recording.run_context",
    "StageContext": "recording.stage_context",
    "current_run": "recording.run_context",
    "current_stage": "recording.stage_context",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - what the module holds
    """Import what is asked for: who records to a ledger elsewhere needs no log here."""
    home = _HOMES.get(name)
    if home is None:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(importlib.import_module(f"ledger.{home}"), name)
