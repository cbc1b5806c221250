"""The rule of each field of a summary, as a sentence: how it comes about from a run's events.

The fold in ``run_fold.py`` is what acts; these sentences say what it does to those who ask why a
field is as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from projections.runs.liveness import DEAD_AFTER, LATE_AFTER

__all__ = ["FIELD_RULES"]

_MINUTES = LATE_AFTER // timedelta(minutes=1)
_HOURS = DEAD_AFTER // timedelta(hours=1)

FIELD_RULES: Mapping[str, str] = {
    "run_id": "the id that each event of the run carries",
    "started_at": "when run_started occurred, or the imported value",
    "ended_at": "when the first run_ended occurred, or the imported value; that of a run_abandoned"
    " only as long as nothing real follows",
    "result": "that of the first run_ended, or the imported value; a run_abandoned makes it failed"
    " only as long as nothing real follows",
    "failure_reason": "that of the first run_ended, or the imported value; the evidence of a"
    " run_abandoned only as long as nothing real follows",
    "stages_executed": "derived from the attempts: the stages that were started, in the order of"
    " their first attempt; or the imported value",
    "stages_failed": "derived from the attempts: the stages whose last attempt failed; or the"
    " imported value",
    "retry_count": "derived from the attempts: how many there are beyond the first of each stage;"
    " or the imported value",
    "metadata": "that of run_started, or the imported value; each run_annotated adds its keys, and"
    " the last value of a key stands",
    "pipeline": "as run_started says",
    "duration_seconds": "the elapsed_seconds of the first run_ended; of an imported run, from its"
    " start to its end",
    "stages_planned": "as run_started says",
    "stages_skipped": "one for each stage_skipped of a stage that had neither begun nor been"
    " skipped",
    "parameters": "as run_started says",
    "trigger": "as run_started says",
    "rerun_of": "as run_started says",
    "code_version": "as run_started says",
    "imported_from": "the source of run_imported",
    "writer": "as run_started says",
    "notes": "one for each run_annotated with a note, and never changed",
    "anomalies": "one for each rule that an event of the run breaks, ignored or not; that a clock"
    " runs ahead is listed once",
    "started_position": "the position of run_started or run_imported",
    "last_position": "the position of the last event, ignored or not",
    "last_sequence": "the sequence of the last event, ignored or not",
    "last_event_at": "when the last event occurred, ignored or not",
    "liveness": "set by no event, and null once there is a result; judged when it is asked for: on"
    " the writer's own machine by the lock that it holds, elsewhere by the age of the last event"
    f" (late after {_MINUTES} minutes, presumed dead after {_HOURS} hours)",
    "attempts": "one for each stage_started of an attempt that may begin; the first event that"
    " ends it completes it, and nothing changes it after",
}
