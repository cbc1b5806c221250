"""Runs without an end whose writer is gone: say so in the log, with the evidence.

A process that is killed cannot record its end. The kernel frees its writer lock, so anyone on the
same machine can tell for certain. What is recorded is a presumption; a real later event of the run
takes it back.
"""

from __future__ import annotations

from ledger import EventLog, NewEvent, RecordedEvent
from ledger.errors import IllegalTransition, SequenceConflict
from ledger.events import RunAbandoned, WriterIdentity, build
from ledger.machine import boot_id, machine_id
from ledger.writer_lock import is_writer_gone, take_over
from projections import RunHistory

__all__ = ["find_dead_runs", "record_abandoned_runs"]

_LAST_WORDS = frozenset({"run_ended", "run_abandoned", "run_imported"})


def record_abandoned_runs(log: EventLog, history: RunHistory, *, detected_by: str) -> list[str]:
    """Append ``run_abandoned`` to each run that died on this machine; give their ids.

    Safe beside others that do the same, and beside writers: a run is only touched under its own
    writer lock, and only if nothing was appended to it since it was looked at.

    Args:
        log: where the runs were recorded.
        history: the view of the same log.
        detected_by: who found out, like ``run`` or ``serve``.
    """
    return [
        run_id
        for run_id, writer in find_dead_runs(history)
        if _record(log, run_id, writer, detected_by)
    ]


def find_dead_runs(history: RunHistory) -> list[tuple[str, WriterIdentity]]:
    """Find the runs without an end whose writer is surely gone; writes nothing.

    Of a writer on another machine nothing is known for sure.
    """
    return [
        (run.run_id, run.writer)
        for run in history.running_runs()
        if run.writer is not None
        and run.writer.machine_id == machine_id()
        and is_writer_gone(
            history.reader.folder,
            run.run_id,
            pid=run.writer.pid,
            same_boot=run.writer.boot_id == boot_id(),
        )
    ]


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
