"""Any history can be folded: what breaks the lifecycle is shown, and moves nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.events import EventData, NewEvent
from ledger.lifecycle import Violation, advance
from ledger.line.codec import Body
from ledger.line.replayed import ReplayedEvent, decode_replayed, is_unread
from ledger.plain_values import utc_text
from projections.runs.run_fold import evolve, fold, initial, summarize
from projections.runs.run_state import RunState
from projections.runs.run_summary import FIRST_NINE, RunSummary
from projections.runs.runs_file import runs_file_line
from tests.ledger.strategies import event_data, valid_runs
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
from tests.projections.recorded import (
    RUN,
    at,
    fold_runs,
    record,
    record_body,
    record_run,
    replayed,
)

stored = msgspec.msgpack.encode
restored = msgspec.msgpack.Decoder(RunState).decode


def summary_of(*told: EventData) -> RunSummary:
    """Fold one run into its summary."""
    return summarize(fold(record_run(*told), initial(RUN)))


def rules_of(summary: RunSummary) -> list[tuple[str, int]]:
    """Give what broke a rule: which rule, and where."""
    return [(anomaly.rule, anomaly.position) for anomaly in summary.anomalies]


START = [started("load"), began("load")]

ILLEGAL: dict[str, tuple[Sequence[EventData], EventData, str]] = {
    "a stage before the start": ([], began("load"), "no_start"),
    "an end before the start": ([], ended(), "no_start"),
    "a note before the start": ([], annotated("early"), "no_start"),
    "an abandonment before the start": ([], abandoned(0), "no_start"),
    "a second start": (START, started("other", pipeline="other"), "second_start"),
    "an import of a run that started": (START, imported(), "second_start"),
    "a second end": ([*START, ended()], ended("failed", "late"), "second_end"),
    "an end of an imported run": ([imported()], ended(), "second_end"),
    "a stage after the end": ([*START, ended()], began("merge"), "event_after_end"),
    "the rest of a stage after the end": ([*START, ended()], done("load"), "event_after_end"),
    "an abandonment after the end": ([*START, ended()], abandoned(2), "event_after_end"),
    "a second abandonment": ([*START, abandoned(2)], abandoned(3), "second_abandonment"),
    "a stage that never started": (START, done("merge"), "unknown_attempt"),
    "another attempt than the open one": (START, done("load", 2), "unknown_attempt"),
    "an attempt that is open": (START, began("load"), "unknown_attempt"),
    "an attempt that skips a number": (
        [*START, failed("load")],
        began("load", 3),
        "unknown_attempt",
    ),
    "an attempt that is over": ([*START, done("load")], failed("load"), "unknown_attempt"),
    "a skip of a stage that ran": ([*START, done("load")], skipped("load"), "unknown_attempt"),
}


@pytest.mark.parametrize("case", ILLEGAL)
def test_an_illegal_event_changes_nothing_and_is_listed(case: str) -> None:
    """History that should not be is shown with its rule and place, and moves nothing else."""
    before, illegal, rule = ILLEGAL[case]
    position = len(before) + 2

    summary = summary_of(*before, illegal)

    assert rules_of(summary) == [(rule, position)]
    assert unmoved(summary) == unmoved(summary_of(*before))
    assert (summary.last_position, summary.last_sequence) == (position, len(before) + 1)


def unmoved(summary: RunSummary) -> dict[str, Any]:
    """Give what an illegal event must not change."""
    told_by_any_event = {"anomalies", "last_position", "last_sequence", "last_event_at"}
    return summary.model_dump(exclude=told_by_any_event)


def test_a_run_goes_on_after_an_illegal_event() -> None:
    """What is legal after an event that was not still counts."""
    summary = summary_of(*START, done("merge"), done("load"), ended())

    assert rules_of(summary) == [("unknown_attempt", 4)]
    assert (summary.result, summary.stages_executed) == ("success", ("load",))


def test_a_gap_in_the_sequence_is_listed() -> None:
    """A sequence that does not follow the last one is an anomaly, and the event still counts."""
    first, _, third = record_run(*START, ended())

    summary = summarize(fold([first, third], initial(RUN)))

    assert rules_of(summary) == [("sequence_gap", 4)]
    assert summary.result == "success"


def unread(
    event_type: str, position: int, data: bytes = b'{"x":1}', version: int = 1
) -> ReplayedEvent:
    """Record an event that this version cannot read."""
    body = Body(f"{position:032x}", RUN, event_type, version, utc_text(at(position)), data)
    return decode_replayed(record_body(body, position=position, sequence=position - 1).line)


@pytest.mark.parametrize(
    ("event_type", "version"),
    [("stage_paused", 1), ("run_ended", 2), ("run_ended", 1), ("stage_failed", 1)],
)
def test_an_event_that_is_not_understood_is_ignored(event_type: str, version: int) -> None:
    """An unknown type, a newer version and an odd payload only move where the run stands."""
    before = fold(record_run(*START), initial(RUN))
    event = unread(event_type, 4, version=version)
    assert is_unread(event)

    after = evolve(before, event)

    assert unmoved(summarize(after)) == unmoved(summarize(before))
    assert (after.last_position, after.anomalies) == (4, ())


@pytest.mark.parametrize("event_type", ["run_ended", "stage_started", "run_started"])
def test_an_illegal_event_is_listed_even_when_it_is_not_understood(event_type: str) -> None:
    """That a run had ended is known without reading what came after."""
    before = fold(record_run(*START, ended()), initial(RUN))

    after = evolve(before, unread(event_type, 5))

    assert [anomaly.position for anomaly in after.anomalies] == [5]
    assert unmoved(summarize(after)) == unmoved(summarize(before))


def test_a_remark_does_not_resurrect_a_run() -> None:
    """A presumption only gives way to an event that says the run goes on."""
    before = fold(record_run(*START, abandoned(2)), initial(RUN))
    data = b'{"fingerprint":"f00d","note":"known","actor":"anna"}'
    misplaced = unread("failure_acknowledged", 5, data)
    assert not is_unread(misplaced)

    for event in (misplaced, unread("stage_paused", 5), unread("run_ended", 5)):
        after = evolve(before, event)

        assert (after.result, after.anomalies) == ("failed", ())


STAGES = st.sampled_from(["load", "load/orders", "merge"])
NUMBERS = st.integers(1, 3)
LIKELY = st.one_of(
    st.just(started("load")),
    st.builds(began, STAGES, NUMBERS),
    st.builds(done, STAGES, NUMBERS),
    st.builds(failed, STAGES, NUMBERS),
    st.builds(stopped, STAGES, NUMBERS),
    st.builds(skipped, STAGES),
    st.builds(ended, st.sampled_from(["success", "failed", "stopped"])),
    st.builds(abandoned, NUMBERS),
    st.builds(annotated, st.none() | st.just("looked at"), step=NUMBERS),
    st.builds(imported, st.sampled_from([None, "success", "failed"])),
)
ODD_TYPES = st.sampled_from(["stage_paused", "run_ended", "stage_started", "run_started", "x"])


@st.composite
def any_history(draw: st.DrawFn, after: int = 0) -> list[ReplayedEvent]:
    """Draw events of one run in any order, most of them illegal, some unread, some said again."""
    history: list[ReplayedEvent] = []
    bodies: list[Body] = []
    position, sequence = after, 0
    for _ in range(draw(st.integers(0, 12))):
        position += draw(st.integers(1, 3))
        sequence += draw(st.sampled_from([1, 1, 1, 1, 0, 2, -1]))
        event_id, moment = f"{position:032x}", utc_text(at(position))
        if bodies and draw(st.integers(0, 5)) == 5:
            body = draw(st.sampled_from(bodies))
        elif draw(st.integers(0, 5)) == 5:
            version = draw(st.integers(1, 2))
            body = Body(event_id, RUN, draw(ODD_TYPES), version, moment, b'{"x":[1.5]}')
        else:
            data = draw(LIKELY if draw(st.integers(0, 4)) else event_data)
            fields = data.model_dump_json().encode()
            body = Body(event_id, RUN, data.type, 1, moment, fields)
        bodies.append(body)
        line = record_body(body, position=position, sequence=sequence).line
        history.append(decode_replayed(line))
    return history


def breaks(state: RunState, event: ReplayedEvent) -> str | None:
    """Give the rule of the lifecycle that an event breaks."""
    stage, attempt = (getattr(event.data, name, None) for name in ("stage", "attempt"))
    broken = advance(state.lifecycle, event.type, stage, attempt)
    return broken.rule if isinstance(broken, Violation) else None


def anomalies_of(state: RunState) -> tuple[Any, ...]:
    """Give the anomalies that were known, as they are served."""
    return summarize(state).anomalies


@settings(max_examples=100)
@given(any_history())
def test_any_history_can_be_folded(history: list[ReplayedEvent]) -> None:
    """Whatever passed the codec folds without an error, and nothing illegal moves anything."""
    state = initial(RUN)
    for place, event in enumerate(history):
        before, state = state, evolve(state, event)
        summary = summarize(state)

        found = [rule for rule, position in rules_of(summary) if position == event.position]
        assert ("sequence_gap" in found) is (event.sequence != before.last_sequence + 1)
        rule, is_again = breaks(before, event), "duplicate_body" in found
        if rule or is_again or is_unread(event):
            assert unmoved(summary) == unmoved(summarize(before))
        if rule:
            assert (rule in found) is not is_again
        if is_again:
            assert event.type in [earlier.type for earlier in history[:place]]
        assert summary.anomalies[: len(before.anomalies)] == anomalies_of(before)
        assert RunSummary.model_validate_json(summary.model_dump_json()) == summary
        nine = summary.model_dump(mode="json", include=set(FIRST_NINE))
        assert runs_file_line(state) == json.dumps(nine) + "\n"
        assert stored(restored(stored(state))) == stored(state)
        assert summarize(restored(stored(state))) == summary
        assert evolve(state, event) is state


@given(st.sampled_from(["success", "failed", "stopped"]), any_history(after=5))
def test_the_first_end_stands(result: Any, after: list[ReplayedEvent]) -> None:
    """No event after a run's own end changes what it came to; only remarks still add to it."""
    before = fold(record_run(*START, done("load"), ended(result, "because")), initial(RUN))
    assert before.last_position == 5
    expected = summarize(before).model_dump(include={*FIRST_NINE, "attempts", "duration_seconds"})

    state = fold(after, before)

    found = summarize(state).model_dump(include={*FIRST_NINE, "attempts", "duration_seconds"})
    assert (found | {"metadata": None}) == (expected | {"metadata": None})
    assert state.last_position == (after[-1].position if after else 5)


@given(valid_runs(), st.data())
def test_folding_in_two_steps_equals_folding_at_once(
    events: list[NewEvent], data: st.DataObject
) -> None:
    """Legal runs, cut anywhere, come to the same, whether the state was stored between or not."""
    recorded = record(events)
    cut = data.draw(st.integers(0, len(recorded)))
    kept = {run_id: stored(state) for run_id, state in fold_runs(recorded[:cut]).items()}

    for run_id, whole in fold_runs(recorded).items():
        rest = replayed(event for event in recorded[cut:] if event.run_id == run_id)
        first = restored(kept[run_id]) if run_id in kept else initial(run_id)
        assert stored(fold(rest, first)) == stored(whole)
        assert summarize(fold(rest, first)) == summarize(whole)
        assert not {rule for rule, _ in rules_of(summarize(whole))} - {"resurrected_run"}


def test_a_state_does_not_change_when_it_is_folded_further() -> None:
    """A step makes a new state; what was given stays what it was, metadata and attempts too."""
    events = record_run(*START, done("load"), annotated("x", day=2), ended())
    states = [initial(RUN)]
    for event in events:
        states.append(evolve(states[-1], event))
    kept = [stored(state) for state in states]

    for state, event in zip(states, events, strict=False):
        evolve(state, event)

    assert [stored(state) for state in states] == kept
