"""A ledger for the servers of tests: a run of each result, and one that goes on."""

from __future__ import annotations

from pathlib import Path

from ledger import EventLog, RunContext

__all__ = ["record_each_result", "record_run"]


def record_run(folder: Path, run_id: str, outcome: type[BaseException] | None = None) -> int:
    """Record a run of one stage, that ends as its exception says; give the position after it."""
    with EventLog.open(folder) as log:
        try:
            with RunContext.start(log, pipeline="nightly", run_id=run_id) as run:
                with run.stage("translator") as stage:
                    stage.metric("rows", 3)
                if outcome:
                    raise outcome("no more <input>")
        except (ValueError, KeyboardInterrupt):
            pass
        return log.position


def record_each_result(folder: Path) -> Path:
    """Record run-1 to run-3, which succeed, fail and are stopped, and run-4, which goes on."""
    record_run(folder, "run-1")
    record_run(folder, "run-2", ValueError)
    record_run(folder, "run-3", KeyboardInterrupt)
    with EventLog.open(folder) as log:
        RunContext.start(log, pipeline="nightly", run_id="run-4")
    return folder
