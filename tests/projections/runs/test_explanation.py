"""An explanation names the events that set each field, and those that set none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import EventLog, RunContext
from ledger.errors import InvalidEvent, LedgerDamaged
from ledger.events import EventData, FailureAcknowledged
from ledger.line.codec import Body
from ledger.line.replayed import ReplayedEvent, decode_replayed
from ledger.plain_values import utc_text
from projections import RunHistory, RunSummary, explain
from projections.runs.explanation import Explanation, explain_events
from projections.runs.field_rules import FIELD_RULES
from projections.runs.run_fold import fold, initial, summarize
from tests.ledger.damage import flip
from tests.ledger.examples import event_id
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
from tests.projections.recorded import RUN, at, record, record_body, tell

TOLD_BY_ANY_EVENT = {"anomalies", "last_position", "last_sequence", "last_event_at"}

_STAGES = st.sampled_from(["load", "load/orders", "merge"])
_NUMBERS = st.integers(1, 2)
_TOLD = st.one_of(
    st.just(started("load", day=1)),
    st.builds(began, _STAGES, _NUMBERS),
    st.builds(began, _STAGES, _NUMBERS),
    st.builds(done, _STAGES, _NUMBERS),
    st.builds(failed, _STAGES, _NUMBERS),
    st.builds(stopped, _STAGES, _NUMBERS),
    st.builds(skipped, _STAGES),
    st.builds(ended, st.sampled_from(["success", "failed"]), st.sampled_from([None, "because"])),
    st.builds(abandoned, _NUMBERS),
    st.builds(annotated, st.sampled_from([None, "seen"]), day=st.sampled_from([1, 2, True])),
    st.builds(annotated, st.sampled_from([None, "seen"])),
    st.builds(imported, st.sampled_from([None, "success", "failed"])),
    st.just(FailureAcknowledged(fingerprint="f00d", note="known", actor="anna")),
)


@st.composite
def any_run(draw: st.DrawFn) -> list[ReplayedEvent]:
    """Draw events of one run: many illegal, some unread, some repeated, some out of sequence."""
    bodies = [_body_of(started("load", day=1), 1)] if draw(st.integers(0, 3)) else []
    for place in range(2, draw(st.integers(3, 14))):
        kind = draw(st.integers(0, 9))
        if kind == 9 and bodies:
            bodies.append(draw(st.sampled_from(bodies)))
        elif kind == 8:
            odd = draw(st.sampled_from(["stage_paused", "run_ended", "stage_started"]))
            bodies.append(Body(event_id(place), RUN, odd, 1, utc_text(at(place)), b'{"x":1}'))
        else:
            bodies.append(_body_of(draw(_TOLD), place))
    gaps = st.sampled_from([1, 1, 1, 1, 0, 2])
    events, sequence = [], 0
    for position, body in enumerate(bodies, 2):
        sequence += draw(gaps)
        line = record_body(body, position=position, sequence=sequence).line
        events.append(decode_replayed(line))
    return events


def _body_of(data: EventData, place: int) -> Body:
    fields = data.model_dump_json().encode()
    return Body(event_id(place), RUN, data.type, 1, utc_text(at(place)), fields)


def run_of(*told: EventData) -> list[ReplayedEvent]:
    """Record one run from position 2 on."""
    return [decode_replayed(event.line) for event in record(tell(*told))]


def served(events: Sequence[ReplayedEvent]) -> dict[str, Any]:
    """Give the summary of some events as it is served."""
    return summarize(fold(events, initial(RUN))).model_dump(mode="json")


def places_of(explanation: Explanation, field: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Give the positions whose value of a field stands, and those before."""
    (only,) = explanation.only(field).fields
    return only.set_by, only.overwritten


def test_each_field_has_a_rule() -> None:
    """A sentence for exactly the fields of a summary, in their order."""
    assert list(FIELD_RULES) == list(RunSummary.model_fields)
    assert all(FIELD_RULES.values())


STORY = [
    started("load", "merge", day=1, team="data"),
    began("load"),
    failed("load", retry=True),
    began("load", 2),
    done("load", 2, rows=3),
    annotated("looked at it", day=2),
    skipped("merge"),
    ended(),
    annotated("late", team="ops"),
]


@pytest.mark.parametrize(
    ("field", "set_by", "overwritten"),
    [
        ("run_id", (), ()),
        ("started_at", (2,), ()),
        ("trigger", (2,), ()),
        ("imported_from", (), ()),
        ("result", (9,), ()),
        ("failure_reason", (9,), ()),
        ("stages_executed", (3,), ()),
        ("stages_failed", (5,), (4,)),
        ("retry_count", (5,), ()),
        ("metadata", (7, 10), (2,)),
        ("stages_skipped", (8,), ()),
        ("notes", (7, 10), ()),
        ("attempts", (3, 4, 5, 6), ()),
        ("last_position", (10,), tuple(range(2, 10))),
        ("liveness", (), ()),
    ],
)
def test_a_field_names_its_events(
    field: str, set_by: tuple[int, ...], overwritten: tuple[int, ...]
) -> None:
    """What grows is set by all of its events, what is replaced by the last that said it."""
    explanation = explain_events(RUN, run_of(*STORY))

    assert places_of(explanation, field) == (set_by, overwritten)
    assert explanation.ignored == ()


def test_a_presumption_gives_way_even_to_the_same_value() -> None:
    """A run that was presumed to have failed, and then did, failed by its own word."""
    events = run_of(started(), abandoned(1), ended("failed", "because"))

    presumed = explain_events(RUN, events[:2])
    real = explain_events(RUN, events)

    assert places_of(presumed, "result") == ((3,), ())
    assert places_of(real, "result") == ((4,), (3,))
    assert places_of(real, "anomalies") == ((4,), ())
    assert real.ignored == ()


def test_an_import_sets_what_is_otherwise_derived() -> None:
    """The values of an imported run come from its one event, be they empty or zero."""
    explanation = explain_events(RUN, run_of(imported("success"), annotated("checked", day="x")))

    for field in ("stages_executed", "stages_failed", "retry_count", "imported_from", "ended_at"):
        assert places_of(explanation, field) == ((2,), ())
    assert places_of(explanation, "metadata") == ((3,), (2,))


@pytest.mark.parametrize(
    ("event", "rule", "reason"),
    [
        (ended(), "duplicate_body", "run_ended says again what is known"),
        (ended("stopped"), "second_end", "the run has already ended; the first result stands"),
        (began("merge"), "event_after_end", "stage_started after the run had ended"),
        (annotated(), "nothing_said", "this run_annotated says nothing that a field holds"),
        (
            FailureAcknowledged(fingerprint="f00d", note="known", actor="anna"),
            "unused_type",
            "the summary of a run does not use failure_acknowledged",
        ),
    ],
)
def test_an_ignored_event_has_its_rule(event: EventData, rule: str, reason: str) -> None:
    """What the lifecycle refuses is told by its anomaly, and the rest in words of its own."""
    body = _body_of(event, 1 if rule == "duplicate_body" else 9)
    # Out of sequence as well, which is an anomaly but no reason to ignore anything.
    odd = decode_replayed(record_body(body, position=9, sequence=7).line)

    explanation = explain_events(RUN, [*run_of(started(), ended()), odd])

    assert [(one.position, one.type, one.rule, one.reason) for one in explanation.ignored] == [
        (9, event.type, rule, reason)
    ]
    assert places_of(explanation, "anomalies") == ((9,), ())


@pytest.mark.parametrize(
    ("event_type", "version", "rule", "reason"),
    [
        ("stage_paused", 1, "unknown_type", "unknown type 'stage_paused'"),
        ("run_ended", 2, "unread_payload", "unknown schema version 2"),
        ("run_ended", 1, "unread_payload", "data.result: it is missing"),
    ],
)
def test_what_is_not_understood_is_ignored_with_its_reason(
    event_type: str, version: int, rule: str, reason: str
) -> None:
    """An unknown type, a newer version and an odd payload each say what was wrong."""
    body = Body(event_id(3), RUN, event_type, version, utc_text(at(3)), b"{}")
    unread = decode_replayed(record_body(body, position=3, sequence=2).line)

    (ignored,) = explain_events(RUN, [*run_of(started()), unread]).ignored

    assert (ignored.position, ignored.type) == (3, event_type)
    assert (ignored.rule, ignored.reason) == (rule, reason)


def test_an_event_that_comes_twice_by_position_is_taken_once() -> None:
    """What was folded already neither sets a field nor is ignored."""
    events = run_of(*STORY)

    assert explain_events(RUN, [*events, events[3]]) == explain_events(RUN, events)


@settings(max_examples=80)
@given(any_run())
def test_the_values_are_those_that_are_served(events: list[ReplayedEvent]) -> None:
    """Each field has the value of the summary, and they stand in its order."""
    explanation = explain_events(RUN, events)

    assert {one.field: one.value for one in explanation.fields} == served(events)
    assert [one.field for one in explanation.fields] == list(RunSummary.model_fields)


@settings(max_examples=80)
@given(any_run())
def test_a_field_changes_only_where_it_is_said_to_be_set(events: list[ReplayedEvent]) -> None:
    """No other event changes it, and up to the last of them the events give what stands now."""
    explanation = explain_events(RUN, events)
    values = [served(events[:count]) for count in range(len(events) + 1)]
    places = {event.position: place for place, event in enumerate(events, 1)}

    for one in explanation.fields:
        told = {*one.set_by, *one.overwritten}
        assert not {*one.set_by} & {*one.overwritten}
        assert list(one.set_by) == sorted(one.set_by)
        for position, place in places.items():
            before, after = (repr(values[count][one.field]) for count in (place - 1, place))
            assert before == after or position in told
        assert not one.set_by or values[places[one.set_by[-1]]][one.field] == one.value
        assert not one.overwritten or one.overwritten[0] < one.set_by[-1]


@settings(max_examples=80)
@given(any_run())
def test_each_event_sets_a_field_or_is_ignored(events: list[ReplayedEvent]) -> None:
    """Never both, never neither; what any event sets, like the last position, does not count."""
    explanation = explain_events(RUN, events)
    setting = {
        position
        for one in explanation.fields
        if one.field not in TOLD_BY_ANY_EVENT
        for position in (*one.set_by, *one.overwritten)
    }
    ignored = [event.position for event in explanation.ignored]

    assert sorted([*setting, *ignored]) == [event.position for event in events]


@settings(max_examples=80)
@given(any_run())
def test_without_the_ignored_events_the_summary_is_the_same(events: list[ReplayedEvent]) -> None:
    """Left out together or one at a time, they change nothing but where the run stands."""
    ignored = {event.position for event in explain_events(RUN, events).ignored}
    expected = unmoved(served(events))

    for left_out in [ignored, *({position} for position in ignored)]:
        rest = [event for event in events if event.position not in left_out]
        assert unmoved(served(rest)) == expected


def unmoved(values: dict[str, Any]) -> dict[str, Any]:
    """Give what an ignored event must not change."""
    return {field: value for field, value in values.items() if field not in TOLD_BY_ANY_EVENT}


def test_only_one_field_can_be_asked_for() -> None:
    """The ignored events stay, and a field that there is not is named with those that there are."""
    explanation = explain_events(RUN, run_of(started(), ended(), ended("failed")))

    only = explanation.only("result")

    assert [one.field for one in only.fields] == ["result"]
    assert only.ignored == explanation.ignored
    with pytest.raises(InvalidEvent, match="'results' is none of run_id, started_at, "):
        explanation.only("results")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a log in which one run goes on, and another has ended."""
    with EventLog.open(tmp_path / "runs") as log:
        RunContext.start(log, pipeline="p", run_id="over").end("success")
        log.append_batch(tell(started(), began("load"), run_id="open"))
    return tmp_path / "runs"


def test_a_run_of_a_ledger_is_explained(folder: Path) -> None:
    """By its events in the log, with the liveness of now; an unknown run is None."""
    with RunHistory(folder) as history:
        for run_id in ("over", "open"):
            explanation, summary = explain(history, run_id), history.get_run(run_id)
            assert explanation is not None
            assert summary is not None
            values = {one.field: one.value for one in explanation.fields}
            assert values == summary.model_dump(mode="json")
        assert values["liveness"] in ("late", "presumed dead")
        assert explain(history, "unknown") is None
        assert explain(history, "../unknown") is None


def test_a_damaged_run_is_not_explained(folder: Path) -> None:
    """What the events of a run came to cannot be shown by a part of them."""
    (segment,) = (folder / "events").iterdir()
    flip(segment, segment.read_bytes().index(b"run_ended"))

    with RunHistory(folder) as history, pytest.raises(LedgerDamaged):
        explain(history, "over")
