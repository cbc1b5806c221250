"""The anomalies: each rule that history may break, with the event that breaks it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings

from ledger.events import EventData, ImportedRun, NewEvent, RunImported
from ledger.line.codec import encode_body
from ledger.line.replayed import ReplayedEvent, decode_replayed
from ledger.plain_values import utc_text
from projections.runs.run_fold import fold, initial, summarize
from projections.runs.run_summary import RunSummary
from tests.ledger.examples import event_id
from tests.ledger.strategies import valid_runs
from tests.projections.payloads import (
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
from tests.projections.recorded import RUN, at, fold_runs, record, record_body

SECOND = timedelta(seconds=1)
TICK = timedelta(microseconds=1)

Told = tuple[EventData, float]
"""What is said, and in which second it occurred."""


def event_of(
    told: Told, position: int, *, sequence: int, recorded: float | None = None, number: int = 0
) -> ReplayedEvent:
    """Record one event at its position; by itself, in the second in which it occurred."""
    data, second = told
    new = NewEvent(data, RUN, event_id(number or position), at(second))
    moment = utc_text(at(second if recorded is None else recorded))
    body = encode_body(new)
    line = record_body(body, position=position, sequence=sequence, recorded_at=moment).line
    return decode_replayed(line)


def folded(*told: Told) -> RunSummary:
    """Fold events that follow each other from position 2 on."""
    events = [event_of(one, place + 2, sequence=place + 1) for place, one in enumerate(told)]
    return summarize(fold(events, initial(RUN)))


def rules_of(summary: RunSummary) -> list[tuple[str, int]]:
    """Give which rule was broken where."""
    return [(anomaly.rule, anomaly.position) for anomaly in summary.anomalies]


START: list[Told] = [(started("load"), 0), (began("load"), 1)]
END: list[Told] = [(done("load"), 2), (ended(), 3)]

BROKEN: dict[str, tuple[list[Told], Told, str]] = {
    "event after the end": ([*START, *END], (began("merge"), 4), "event_after_end"),
    "given up after the end": ([*START, *END], (abandoned(4), 4), "event_after_end"),
    "given up at the moment of the end": ([*START, *END], (abandoned(4), 3), "event_after_end"),
    "second end": ([*START, *END], (ended("failed"), 4), "second_end"),
    "second end of another moment": ([*START, *END], (ended(), 4), "second_end"),
    "second end of another result": ([*START, *END], (ended("failed"), 3), "second_end"),
    "second start": (START, (started("load"), 2), "second_start"),
    "second start of another pipeline": (START, (started(pipeline="b"), 1), "second_start"),
    "no start": ([], (began("load"), 0), "no_start"),
    "unknown attempt": (START, (done("load", 2), 2), "unknown_attempt"),
    "attempt of no stage": (START, (failed("merge"), 2), "unknown_attempt"),
    "second close of another kind": ([*START, END[0]], (failed("load"), 2), "unknown_attempt"),
    "second close of another moment": ([*START, END[0]], (done("load"), 3), "unknown_attempt"),
    "second skip for another reason": (
        [(started(), 0), (skipped("load"), 1)],
        (skipped("load").model_copy(update={"reason": "another"}), 2),
        "unknown_attempt",
    ),
    "second abandonment": ([*START, (abandoned(2), 2)], (abandoned(2), 3), "second_abandonment"),
    "resurrected run": ([*START, (abandoned(2), 2)], (done("load"), 3), "resurrected_run"),
    "a real end of a run given up": ([*START, (abandoned(2), 2)], (ended(), 3), "resurrected_run"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_rule_is_named_with_its_position(case: str) -> None:
    """And what came before breaks none."""
    before, breaking, rule = BROKEN[case]

    assert rules_of(folded(*before)) == []
    assert rules_of(folded(*before, breaking)) == [(rule, len(before) + 2)]


ATTEMPTS: dict[str, list[Told]] = {
    "run_started": [(started("load"), 0)],
    "stage_started": START,
    "stage_completed": [*START, (done("load"), 2)],
    "stage_failed": [*START, (failed("load"), 2)],
    "stage_stopped": [*START, (stopped("load"), 2)],
    "stage_skipped": [(started(), 0), (skipped("load"), 1)],
    "run_ended": [*START, *END],
    "run_abandoned": [*START, (abandoned(2), 2)],
    "run_imported": [(imported(), 0)],
    "run_annotated": [(started(), 0), (annotated("again"), 1)],
}


@pytest.mark.parametrize("event_type", ATTEMPTS)
def test_an_event_that_was_appended_twice_is_a_duplicate_body(event_type: str) -> None:
    """It changes nothing, whatever its type, right after the first or later."""
    told = ATTEMPTS[event_type]
    events = [event_of(one, place + 2, sequence=place + 1) for place, one in enumerate(told)]
    assert events[-1].type == event_type
    number = len(told) + 1
    again = [
        event_of(told[-1], position, sequence=len(told) + more, number=number)
        for more, position in ((1, number + 1), (2, number + 5))
    ]
    before = summarize(fold(events, initial(RUN)))

    after = summarize(fold([*events, *again], initial(RUN)))

    assert rules_of(after) == [("duplicate_body", number + 1), ("duplicate_body", number + 5)]
    moved = {"anomalies", "last_position", "last_sequence", "last_event_at"}
    assert after.model_dump(exclude=moved) == before.model_dump(exclude=moved)


def test_the_same_remark_made_twice_is_no_duplicate() -> None:
    """Two events of their own say it: somebody meant it twice."""
    summary = folded((started(), 0), (annotated("slow"), 1), (annotated("slow"), 1))

    assert rules_of(summary) == []
    assert [note.position for note in summary.notes] == [3, 4]


def test_an_import_of_another_content_is_a_second_start() -> None:
    """Though it comes from the same file: only what says the same is a duplicate."""
    first = imported()
    second = ImportedRun(**{**first.summary.model_dump(), "started_at": at(-99)})

    summary = folded((first, 0), (RunImported(summary=second, source=first.source), 0))

    assert rules_of(summary) == [("second_start", 3)]


@pytest.mark.parametrize("sequence", [0, 1, 3, 4, 17])
def test_a_sequence_that_does_not_count_on_is_a_gap(sequence: int) -> None:
    """Both numbers are told, the event counts, and the next one counts on from it."""
    first = event_of(START[0], 2, sequence=1)
    second = event_of(START[1], 5, sequence=sequence)
    third = event_of(END[0], 7, sequence=sequence + 1)

    summary = summarize(fold([first, second, third], initial(RUN)))

    assert rules_of(summary) == [("sequence_gap", 5)]
    assert summary.anomalies[0].reason == f"sequence {sequence} follows 1"
    assert summary.stages_executed == ("load",)


def test_a_run_whose_beginning_is_missing_has_a_gap() -> None:
    """Its first event that is there says that others were before it."""
    summary = summarize(fold([event_of(START[1], 9, sequence=2)], initial(RUN)))

    assert rules_of(summary) == [("sequence_gap", 9), ("no_start", 9)]


@pytest.mark.parametrize(
    ("back", "is_skew"),
    [(0, False), (0.5, False), (1, False), (1.000001, True), (60, True), (10**9, True)],
)
def test_a_clock_that_was_set_back_is_a_skew(back: float, is_skew: bool) -> None:
    """By more than a second, as threads may append in another order than they look."""
    told = [(started(), 0.0), (began("load"), -back)]
    events = [event_of(one, n + 2, sequence=n + 1, recorded=5) for n, one in enumerate(told)]

    summary = summarize(fold(events, initial(RUN)))

    assert rules_of(summary) == ([("clock_skew", 3)] if is_skew else [])
    assert summary.stages_executed == ("load",)
    if is_skew:
        assert summary.anomalies[0].reason == f"it occurred {back:.6f} s before the event before it"


@pytest.mark.parametrize(
    ("ahead", "is_skew"),
    [(-60, False), (0, False), (1, False), (1.000001, True), (60, True), (10**9, True)],
)
def test_a_clock_that_runs_ahead_is_a_skew(ahead: float, is_skew: bool) -> None:
    """By more than a second against the clock that recorded it; it is noted once a run."""
    told = [(started(), ahead), (began("load"), ahead + 1), (done("load"), ahead + 2)]
    events = [
        event_of((data, second), n + 2, sequence=n + 1, recorded=n)
        for n, (data, second) in enumerate(told)
    ]

    summary = summarize(fold(events, initial(RUN)))

    assert rules_of(summary) == ([("clock_skew", 2)] if is_skew else [])
    if is_skew:
        assert summary.anomalies[0].reason == f"it occurred {ahead:.6f} s after it was recorded"


def test_a_clock_that_was_set_back_again_and_again_is_listed_each_time() -> None:
    """Each place is one where an order of times would lie."""
    seconds = [0.0, 100.0, 50.0, 80.0, 10.0]
    told = [started(), *(annotated(f"note {n}") for n in range(4))]
    events = [
        event_of((data, second), n + 2, sequence=n + 1, recorded=200)
        for n, (data, second) in enumerate(zip(told, seconds, strict=True))
    ]

    assert rules_of(summarize(fold(events, initial(RUN)))) == [
        ("clock_skew", 4),
        ("clock_skew", 6),
    ]


def test_an_event_may_break_several_rules() -> None:
    """Each is listed, at the one position."""
    late = event_of((ended("failed"), -60), 20, sequence=9, recorded=10)
    events = [event_of(one, n + 2, sequence=n + 1) for n, one in enumerate([*START, *END])]

    summary = summarize(fold([*events, late], initial(RUN)))

    assert sorted(rules_of(summary)) == [
        ("clock_skew", 20),
        ("second_end", 20),
        ("sequence_gap", 20),
    ]
    assert (summary.result, summary.last_position) == ("success", 20)


@settings(max_examples=30)
@given(valid_runs())
def test_a_legal_history_has_no_anomaly_but_a_resurrection(events: list[NewEvent]) -> None:
    """What our writers append is never called odd."""
    for state in fold_runs(record(events)).values():
        assert {anomaly.rule for anomaly in state.anomalies} <= {"resurrected_run"}
