"""The run summary: what the events of one run come to, whatever they are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from ledger.events import EventData
from projections.runs.run_fold import fold, initial, summarize
from projections.runs.run_state import RunState
from projections.runs.run_summary import FIRST_NINE, RunSummary
from projections.runs.runs_file import runs_file_line
from tests.projections.payloads import (
    ERROR,
    WRITER,
    abandoned,
    annotated,
    began,
    done,
    ended,
    failed,
    imported,
    skipped,
    started,
    stopped,
)
from tests.projections.recorded import RUN, at, record_run

SEED = [
    "run_id",
    "started_at",
    "ended_at",
    "result",
    "failure_reason",
    "stages_executed",
    "stages_failed",
    "retry_count",
    "metadata",
]


def state_of(*told: EventData) -> RunState:
    """Fold one run."""
    return fold(record_run(*told), initial(RUN))


def summary_of(*told: EventData) -> RunSummary:
    """Fold one run into its summary."""
    return summarize(state_of(*told))


def text(seconds: float) -> str:
    """Write a moment as a summary does."""
    return f"{at(seconds):%Y-%m-%dT%H:%M:%S.%fZ}"


def test_the_seed_fields_come_first_and_in_order() -> None:
    """A summary begins with the nine fields that people know, each in its place."""
    summary = summary_of(started(), ended())

    assert list(FIRST_NINE) == SEED
    assert list(RunSummary.model_fields)[:9] == SEED
    assert list(json.loads(summary.model_dump_json()))[:9] == SEED
    assert list(json.loads(runs_file_line(state_of(started(), ended())))) == SEED


def test_attempts_come_last() -> None:
    """A list item is the detail without its last field."""
    summary = summary_of(started(), began("load"), done("load"), ended())

    detail = summary.model_dump(mode="json")

    assert list(detail)[-1] == "attempts"
    assert {**summary.list_item(), "attempts": detail["attempts"]} == detail


PRESUMED = (
    "Presumed dead: process 4711 on worker-1 ended without recording an end"
    " (last event 2; found by worker-2)"
)

CASES: dict[str, tuple[Sequence[EventData], dict[str, Any]]] = {
    "success": (
        [started("load", day="2026-01-15"), began("load"), done("load"), ended()],
        {
            "run_id": RUN,
            "started_at": text(0),
            "ended_at": text(3),
            "result": "success",
            "failure_reason": None,
            "stages_executed": ["load"],
            "stages_failed": [],
            "retry_count": 0,
            "metadata": {"day": "2026-01-15"},
            "pipeline": "nightly",
            "stages_planned": ["load"],
            "duration_seconds": 7.5,
            "started_position": 2,
            "last_position": 5,
            "last_sequence": 4,
            "last_event_at": text(3),
            "writer": WRITER.model_dump(),
            "anomalies": [],
        },
    ),
    "just started": (
        [started("load")],
        {
            "started_at": text(0),
            "ended_at": None,
            "result": None,
            "stages_executed": [],
            "stages_planned": ["load"],
            "duration_seconds": None,
        },
    ),
    "in the middle of a stage": (
        [started(), began("load")],
        {"result": None, "stages_executed": ["load"], "stages_failed": [], "retry_count": 0},
    ),
    "no stages at all": (
        [started(), ended()],
        {"result": "success", "stages_executed": [], "stages_failed": [], "retry_count": 0},
    ),
    "retry, then success": (
        [
            started(),
            began("load"),
            failed("load", retry=True),
            began("load", 2),
            done("load", 2),
            ended(),
        ],
        {
            "result": "success",
            "stages_executed": ["load"],
            "stages_failed": [],
            "retry_count": 1,
            "anomalies": [],
        },
    ),
    "failed after retries": (
        [
            started("load", "merge"),
            began("load"),
            failed("load", retry=True),
            began("load", 2),
            failed("load", 2, retry=True),
            began("load", 3),
            failed("load", 3),
            skipped("merge"),
            ended("failed", "Stage load failed after 2 retries: ValueError: no rows"),
        ],
        {
            "result": "failed",
            "failure_reason": "Stage load failed after 2 retries: ValueError: no rows",
            "stages_executed": ["load"],
            "stages_failed": ["load"],
            "stages_skipped": [{"stage": "merge", "reason": "nothing new"}],
            "retry_count": 2,
            "anomalies": [],
        },
    ),
    "stopped": (
        [started(), began("load"), stopped("load"), ended("stopped")],
        {
            "result": "stopped",
            "failure_reason": None,
            "stages_executed": ["load"],
            "stages_failed": [],
            "retry_count": 0,
        },
    ),
    "a stage that was skipped, then run after all": (
        [started(), skipped("load"), began("load"), done("load"), ended()],
        {
            "stages_executed": ["load"],
            "stages_skipped": [{"stage": "load", "reason": "nothing new"}],
            "retry_count": 0,
            "anomalies": [],
        },
    ),
    "a stage that was run again after it was done": (
        [started(), began("load"), done("load"), began("load", 2), failed("load", 2), ended()],
        {"stages_executed": ["load"], "stages_failed": ["load"], "retry_count": 1, "anomalies": []},
    ),
    "parallel stages": (
        [
            started(),
            began("orders"),
            began("customers"),
            failed("customers"),
            done("orders"),
            ended("failed", "customers"),
        ],
        {
            "stages_executed": ["orders", "customers"],
            "stages_failed": ["customers"],
            "retry_count": 0,
            "anomalies": [],
        },
    ),
    "nested names": (
        [
            started(),
            began("load"),
            began("load/orders"),
            failed("load/orders", retry=True),
            began("load/orders", 2),
            done("load/orders", 2),
            done("load"),
            ended(),
        ],
        {
            "stages_executed": ["load", "load/orders"],
            "stages_failed": [],
            "retry_count": 1,
            "anomalies": [],
        },
    ),
    "abandoned": (
        [started(), began("load"), abandoned(2)],
        {
            "ended_at": text(2),
            "result": "failed",
            "failure_reason": PRESUMED,
            "stages_executed": ["load"],
            "stages_failed": [],
            "duration_seconds": None,
            "anomalies": [],
        },
    ),
    "abandoned, then a real end": (
        [started(), began("load"), abandoned(2), ended("stopped")],
        {
            "ended_at": text(3),
            "result": "stopped",
            "failure_reason": None,
            "duration_seconds": 7.5,
            "anomalies": [
                {
                    "rule": "resurrected_run",
                    "position": 5,
                    "reason": "went on after it was given up",
                }
            ],
        },
    ),
    "resurrected": (
        [started(), began("load"), abandoned(2), done("load")],
        {
            "ended_at": None,
            "result": None,
            "failure_reason": None,
            "stages_executed": ["load"],
            "anomalies": [
                {
                    "rule": "resurrected_run",
                    "position": 5,
                    "reason": "went on after it was given up",
                }
            ],
        },
    ),
    "abandoned, then annotated": (
        [started(), began("load"), abandoned(2), annotated("the machine burnt down")],
        {"result": "failed", "failure_reason": PRESUMED, "ended_at": text(2), "anomalies": []},
    ),
    "annotated": (
        [
            started(day="2026-01-15", try_=1),
            annotated("looks slow", try_=2),
            ended(),
            annotated(checked=True),
        ],
        {
            "result": "success",
            "ended_at": text(2),
            "metadata": {"day": "2026-01-15", "try_": 2, "checked": True},
            "notes": [{"note": "looks slow", "actor": "anna", "at": text(1), "position": 3}],
            "last_event_at": text(3),
            "anomalies": [],
        },
    ),
    "imported": (
        [imported(), annotated(owner="anna")],
        {
            "run_id": RUN,
            "started_at": text(-100),
            "ended_at": text(-40),
            "result": "failed",
            "failure_reason": "Stage load failed",
            "stages_executed": ["load", "merge"],
            "stages_failed": ["load"],
            "retry_count": 2,
            "metadata": {"day": "2025-12-31", "owner": "anna"},
            "duration_seconds": 60.0,
            "imported_from": "old/runs.jsonl:17",
            "pipeline": None,
            "writer": None,
            "started_position": 2,
            "attempts": [],
            "anomalies": [],
        },
    ),
    "imported without an end": (
        [imported(None)],
        {"ended_at": None, "result": None, "duration_seconds": None},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_run_comes_to_its_summary(case: str) -> None:
    """Each of these histories is summed up as a person would sum it up."""
    told, expected = CASES[case]

    found = summary_of(*told).model_dump(mode="json")

    assert {name: found[name] for name in expected} == expected


def test_every_attempt_is_kept_as_it_was() -> None:
    """A later attempt changes nothing of the ones before; each has its times, result and error."""
    summary = summary_of(
        started(),
        began("load"),
        failed("load", retry=True),
        began("load", 2),
        done("load", 2, rows=3),
        began("merge"),
        stopped("merge"),
        began("tidy"),
    )

    attempts = [attempt.model_dump(mode="json") for attempt in summary.attempts]

    nothing: dict[str, Any] = {
        "ended_at": None,
        "duration_seconds": None,
        "result": None,
        "will_retry": False,
        "error": None,
        "metrics": {},
        "output_tail": None,
    }
    assert attempts == [
        nothing
        | {"stage": "load", "attempt": 1, "position": 3, "started_at": text(1)}
        | {"ended_at": text(2), "duration_seconds": 0.25, "result": "failed"}
        | {"will_retry": True, "error": ERROR.model_dump()},
        nothing
        | {"stage": "load", "attempt": 2, "position": 5, "started_at": text(3)}
        | {"ended_at": text(4), "duration_seconds": 0.5, "result": "success"}
        | {"metrics": {"rows": 3}},
        nothing
        | {"stage": "merge", "attempt": 1, "position": 7, "started_at": text(5)}
        | {"ended_at": text(6), "duration_seconds": 0.125, "result": "stopped"},
        nothing | {"stage": "tidy", "attempt": 1, "position": 9, "started_at": text(7)},
    ]
