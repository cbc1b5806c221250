"""Runs without an end whose writer is gone: say so in the log, with the evidence.

A process that is killed cannot record its end. The kernel frees its writer lock, so anyone on the
same machine can tell for certain. Of a writer elsewhere, whose lease ran out, only the server can
tell that kept it, and only once it has listened for long enough itself. What is recorded is a
presumption; a real later event of the run takes it back.
"""

from __future__ import annotations

from datetime import UTC, datetime

from ledger import EventLog, NewEvent, RecordedEvent
from ledger.errors import IllegalTransition, SequenceConflict
from ledger.events import RunAbandoned, WriterIdentity, build
from ledger.writers.leases import LeaseState, read_lease
from ledger.writers.machine import boot_id, machine_id
from ledger.writers.writer_lock import is_writer_gone, take_over
from projections import RunHistory, RunSummary

__all__ = ["find_dead_runs", "record_abandoned_runs"]

_LAST_WORDS = frozenset({"run_ended", "run_abandoned", "run_imported"})


def record_abandoned_runs(
    log: EventLog,
    history: RunHistory,
    *,
    detected_by: str,
    listening_since: datetime | None = None,
) -> list[str]:
    """Append ``run_abandoned`` to each run whose writer is gone; give their ids.

    Safe beside others that do the same, and beside writers: a run is only touched under its own
    writer lock, and only if nothing was appended to it since it was looked at.

    Args:
        log: where the runs were recorded.
        history: the view of the same log.
        detected_by: who found out, like ``run`` or ``serve``.
        listening_since: from when on writers elsewhere could renew their leases here; None for who
            takes no leases, and cannot tell.
    """
    return [
        run_id
        for run_id, writer in find_dead_runs(history, listening_since=listening_since)
        if _record(log, run_id, writer, detected_by)
    ]


def find_dead_runs(
    history: RunHistory, *, listening_since: datetime | None = None
) -> list[tuple[str, WriterIdentity]]:
    """Find the runs without an end whose writer is gone; writes nothing.

    Of a writer on another machine that keeps no lease nothing is known for sure.
    """
    now = datetime.now(UTC)
    return [
        (run.run_id, run.writer)
        for run in history.running_runs()
        if run.writer is not None and _is_gone(history, run, run.writer, listening_since, now)
    ]


def _is_gone(
    history: RunHistory,
    run: RunSummary,
    writer: WriterIdentity,
    listening_since: datetime | None,
    now: datetime,
) -> bool:
    folder = history.reader.folder
    lease = read_lease(folder, run.run_id)
    if lease is not None:
        if listening_since is None:
            return False
        heard = max(listening_since, run.last_event_at or listening_since)
        return lease.state(now, heard=heard) is LeaseState.RUN_OUT
    return writer.machine_id == machine_id() and is_writer_gone(
        folder, run.run_id, pid=writer.pid, same_boot=writer.boot_id == boot_id()
    )


def _record(log: EventLog, run_id: str, writer: WriterIdentity, detected_by: str) -> bool:
    """Append the fact under the run's writer lock, and tell whether it was still one."""
    lock = take_over(log.folder, run_id)
    if lock is None:
        return False
    try:
        last = _last_event(log, run_id)
        if last is None or last.type in _LAST_WORDS:
            return False
        data = build(
            RunAbandoned,
            detected_by=detected_by,
            host=writer.host,
            pid=writer.pid,
            last_sequence=last.sequence,
        )
        log.append(NewEvent(data, run_id), expected_sequence=last.sequence)
    except (SequenceConflict, IllegalTransition):
        # Somebody else was first, or the run did come to an end.
        return False
    finally:
        lock.release()
    return True


def _last_event(log: EventLog, run_id: str) -> RecordedEvent | None:
    last = None
    for event in log.read_run(run_id):
        last = event
    return last
