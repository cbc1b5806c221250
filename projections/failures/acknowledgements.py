"""What people said of failures: kept beside the rows, as these events belong to no run."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from ledger.events import FailureAcknowledged
from ledger.line.replayed import ReplayedEvent, is_unread
from projections.read_model.queries import query

__all__ = ["note_acknowledgements"]

_ACKNOWLEDGED = FailureAcknowledged.type


def note_acknowledgements(connection: sqlite3.Connection, events: Iterable[ReplayedEvent]) -> None:
    """Keep the acknowledgements among events; of each fingerprint the last one counts."""
    rows = [
        (event.position, data.fingerprint, data.note, data.actor, event.occurred_text)
        for event in events
        if event.type == _ACKNOWLEDGED and not is_unread(event)
        for data in (event.data,)
    ]
    if rows:
        connection.executemany(query("put_acknowledgement"), rows)
