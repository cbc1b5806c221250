"""Whether the writer of a run that has not ended is still there; derived when it is asked for.

A writer that records over HTTP keeps a lease, which is judged wherever it is. Without one, on the
writer's own machine its lock tells for certain; from elsewhere only the age of the last event can
be judged, so a presumption is made late: a stage may take hours without an event.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from ledger.disk.folder import LedgerFolder
from ledger.events import WriterIdentity
from ledger.writers.leases import LeaseState, read_lease
from ledger.writers.machine import boot_id, machine_id
from ledger.writers.writer_lock import is_writer_gone
from projections.runs.run_summary import Liveness

__all__ = ["DEAD_AFTER", "LATE_AFTER", "judge_age", "judge_liveness"]

LATE_AFTER = timedelta(minutes=15)
DEAD_AFTER = timedelta(hours=24)

_BY_LEASE: Mapping[LeaseState, Liveness] = {
    LeaseState.KEPT: "live",
    LeaseState.LATE: "late",
    LeaseState.RUN_OUT: "presumed dead",
}


def judge_age(last_event_at: datetime | None, now: datetime) -> Liveness:
    """Judge a writer on another machine by its last event."""
    if last_event_at is None:
        return "late"
    age = now - last_event_at
    if age > DEAD_AFTER:
        return "presumed dead"
    return "late" if age > LATE_AFTER else "live"


def judge_liveness(
    folder: LedgerFolder,
    run_id: str,
    writer: WriterIdentity | None,
    last_event_at: datetime | None,
    now: datetime,
) -> Liveness:
    """Judge the writer of a run without an end."""
    lease = read_lease(folder, run_id)
    if lease is not None:
        return _BY_LEASE[lease.state(now, heard=last_event_at)]
    if writer is None or writer.machine_id != machine_id():
        return judge_age(last_event_at, now)
    same_boot = writer.boot_id == boot_id()
    gone = is_writer_gone(folder, run_id, pid=writer.pid, same_boot=same_boot)
    return "presumed dead" if gone else "live"
