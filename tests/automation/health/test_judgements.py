"""What measured values mean: each bad one is said, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from automation.health.evidence_health import EvidenceMeasure, judge_evidence
from automation.health.log_health import LogMeasure, judge_clock, judge_log, judge_verification
from automation.health.machine_health import MachineMeasure, judge_machine
from automation.health.symptom import State, Symptom
from automation.health.view_health import ViewMeasure, judge_views
from ledger.integrity.findings import Finding

NOW = datetime(2026, 1, 15, 10, tzinfo=UTC)
LOG = LogMeasure(size=10, segments=1, position=7, checked=7, last_recorded=NOW)
GIGABYTES = 1_000_000_000


def about(symptoms: Iterable[Symptom], name: str) -> Symptom:
    """Give the last symptom about one thing, which tells what to do unless all is fine."""
    found = [symptom for symptom in symptoms if symptom.about == name][-1]
    assert found.advice or found.state is not State.WRONG
    return found


def test_a_clock_that_is_behind_the_log_says_what_stands_still() -> None:
    """At the last event's own time it is right; from then on behind."""
    assert judge_clock(LOG, NOW).state is State.FINE
    found = judge_clock(LOG, NOW - timedelta(hours=1))
    assert (found.state, "3600 s ahead" in found.found) == (State.WRONG, True)
    assert "recorded_at stands still" in found.advice


@pytest.mark.parametrize(
    ("log", "name", "state", "said"),
    [
        (LOG, "durable mark", State.FINE, "at position 7"),
        (
            LogMeasure(
                size=1, segments=2, position=7,
                notes=(Finding(kind="torn tail", expected="nothing", found="a torn tail"),),
            ),
            "durable mark", State.NOTE, "a torn tail",
        ),
        (
            LogMeasure(size=1, segments=2, position=7, damage="crc at position 3"),
            "log", State.WRONG, "position 3",
        ),
        (
            LogMeasure(size=1, segments=2, position=7, poisoned=5),
            "durable mark", State.WRONG, "position 5 failed",
        ),
    ],
)  # fmt: skip
def test_the_log(log: LogMeasure, name: str, state: State, said: str) -> None:
    """A torn tail is worth knowing, damage and a failed sync are wrong."""
    found = about(judge_log(log), name)
    assert (found.state, said in found.found) == (state, True)


def test_what_was_not_checked_is_not_called_sound() -> None:
    """Without a whole check it says how much was looked at, and how to check all."""
    found = judge_verification(LOG, None)
    assert (found.state, found.found) == (State.NOTE, "looked at the last 7 of 7 events")
    assert "--verify" in found.advice


@pytest.mark.parametrize(
    ("measured", "head", "key"),
    [
        ({}, State.NOTE, State.NOTE),
        ({"signed": 7, "has_key": True, "reads_key": True}, State.FINE, State.NOTE),
        ({"signed": 7, "has_key": True}, State.FINE, State.FINE),
        ({"signed": 5}, State.NOTE, State.NOTE),
        ({"signed": 9}, State.WRONG, State.NOTE),
        ({"problem": "a tree head: no size"}, State.WRONG, State.NOTE),
    ],
)
def test_the_evidence(measured: dict[str, Any], head: State, key: State) -> None:
    """A log shorter than what was signed is wrong; a key that the writer can read is said."""
    found = list(judge_evidence(EvidenceMeasure(position=7, **measured)))
    assert about(found, "tree head").state is head
    assert about(found, "signing key").state is key


@pytest.mark.parametrize(
    ("measured", "name", "state", "said"),
    [
        ({"checkpoint": 7}, "read model", State.FINE, "at position 7"),
        ({"checkpoint": 7, "running": 2}, "runs", State.FINE, "2 running"),
        ({"checkpoint": 4}, "read model", State.NOTE, "3 events behind"),
        ({}, "read model", State.NOTE, "there is none"),
        ({"problem": "it is malformed"}, "read model", State.WRONG, "malformed"),
        ({"checkpoint": 7}, "parked events", State.FINE, "none"),
        ({"checkpoint": 6}, "read model", State.NOTE, "1 event behind"),
        ({"checkpoint": 7, "parked": (("cost", 2),)}, "parked events", State.WRONG, "2 events"),
        ({"checkpoint": 7, "gone": tuple("abcdefg")}, "runs", State.WRONG, "e and 2 more"),
    ],
)
def test_the_views(measured: dict[str, Any], name: str, state: State, said: str) -> None:
    """Behind is worth knowing; events that were left out and runs that died are wrong."""
    found = about(judge_views(ViewMeasure(position=7, **measured)), name)
    assert (found.state, said in found.found) == (state, True)


@pytest.mark.parametrize(
    ("measured", "name", "state", "said"),
    [
        ({}, "disk", State.FINE, "9,000 MB"),
        ({"free": 1_000_000}, "disk", State.WRONG, "1 MB"),
        ({"model_size": 9 * GIGABYTES}, "disk", State.NOTE, "the read model has 9,000 MB"),
        ({"file_system": "nfs4"}, "file system", State.WRONG, "nfs4"),
        ({"file_system": "ext4"}, "file system", State.FINE, "ext4"),
        ({"sqlite": (3, 51, 2)}, "SQLite", State.NOTE, "3.51.2"),
        ({"sqlite": (3, 51, 3)}, "SQLite", State.FINE, "3.51.3"),
        ({"watch": "inotify"}, "watching", State.FINE, "tells of changes"),
        ({"watch": "polling"}, "watching", State.NOTE, "four times a second"),
        ({}, "watching", State.NOTE, "not installed"),
        ({"quarantined": (1, 40)}, "quarantine", State.NOTE, "1 file of torn bytes, 40 bytes"),
        ({"left_over": (".runs.jsonl.7.tmp",)}, "temporary files", State.NOTE, ".runs.jsonl.7.tmp"),
    ],
)
def test_the_machine(measured: dict[str, Any], name: str, state: State, said: str) -> None:
    """What gets in the way of recording is wrong, what may get in the way is worth knowing."""
    machine = MachineMeasure(**{"free": 9 * GIGABYTES, **measured})
    found = about(judge_machine(machine), name)
    assert (found.state, said in found.found) == (state, True)
