"""Folding: however the events come, the rows are those of whole runs, and memory is let go."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.events import EventData, NewEvent
from ledger.line.codec import encode_body
from ledger.line.replayed import ReplayedEvent, decode_replayed
from projections.errors import ProjectionFailed
from projections.projection import Row
from projections.read_model.row_store import parked_events
from projections.runs.run_rows import RunRows
from tests.ledger.examples import acknowledgement
from tests.ledger.strategies import valid_runs
from tests.projections.payloads import abandoned, annotated, began, done, ended, failed, started
from tests.projections.recorded import RUN, at, record, record_body, replayed, tell
from tests.projections.tally import (
    BREAKS_EVOLVE,
    BREAKS_ROWS,
    ODD_ROWS,
    Model,
    Tally,
    TallyState,
)


def events_of(*told: EventData, run_id: str = RUN, after: int = 1) -> list[ReplayedEvent]:
    """Record the events of one run behind a position."""
    return replayed(record(tell(*told, run_id=run_id), after=after))


def event_at(position: int, sequence: int, data: EventData, *, run_id: str = RUN) -> ReplayedEvent:
    """Record one event at any place."""
    body = encode_body(NewEvent(data, run_id, occurred_at=at(position)))
    return decode_replayed(record_body(body, position=position, sequence=sequence).line)


def folded_at_once(events: Sequence[ReplayedEvent]) -> Model:
    """Fold all events in one go, as a rebuild does."""
    model = Model()
    model.take(events)
    return model


@settings(max_examples=30)
@given(valid_runs(), st.lists(st.integers(1, 5), min_size=1, max_size=5), st.booleans())
def test_in_any_portions_the_model_is_the_same(
    events: list[NewEvent], portions: list[int], anew: bool
) -> None:
    """Fed whole or in parts, by one process or several: rows, keys and states are the same."""
    recorded = replayed(record(events))
    model, left = Model(), list(recorded)
    while left:
        size = portions[len(left) % len(portions)]
        model.take(left[:size], anew=anew)
        del left[:size]

    assert model.dump() == folded_at_once(recorded).dump()


def test_events_of_no_run_are_no_runs() -> None:
    """They belong to the ledger, and leave no row."""
    model = Model()

    model.take(replayed(record([acknowledgement(), acknowledgement()])))

    assert not any(model.dump().values())


def test_the_state_of_a_run_is_kept_until_it_ends() -> None:
    """While it goes on, and while its end is only presumed; then nothing is kept of it."""
    model = Model()
    kept = []
    for event in events_of(started(), began("load"), abandoned(2), done("load"), ended()):
        model.take([event], anew=True)
        kept.append([(run, name) for run, name, _ in model.table("open_states")])

    assert kept == [[(2, "runs"), (2, "tally")]] * 4 + [[]]
    assert model.folded_again == []
    assert model.table("tally") == [(2, RUN, 5)]


@pytest.mark.parametrize("anew", [True, False])
def test_a_late_event_of_an_ended_run_is_folded_with_all_before_it(anew: bool) -> None:
    """An annotation shows, an event that may not be is an anomaly; the run is folded again."""
    model = Model()
    model.take(events_of(started(day=1), ended()))

    model.take([event_at(7, 3, annotated("looked at", day=2))], anew=anew)
    model.take([event_at(9, 4, began("load")), event_at(10, 5, annotated(day=3))], anew=anew)

    assert model.folded_again == [RUN, RUN]
    assert model.table("tally") == [(2, RUN, 5)]
    assert model.table("runs_metadata") == [(2, "day", "3")]
    assert model.table("open_states") == []
    assert model.dump() == folded_at_once(model.log).dump()


@pytest.mark.parametrize("before", [[started()], [started(), ended()]])
@pytest.mark.parametrize("after", [[], [annotated("more")], [ended("failed")]])
@pytest.mark.parametrize("anew", [True, False])
def test_a_known_run_that_says_it_begins_is_still_the_same_run(
    before: list[EventData], after: list[EventData], anew: bool
) -> None:
    """An event with sequence 1 of a run that has rows hides nothing of what came before it."""
    model = Model()
    model.take([*events_of(*before), *events_of(started(), ended(), run_id="other", after=5)])

    late = [event_at(20 + at_, 1 + at_, data) for at_, data in enumerate([started(), *after])]
    new = events_of(started(), run_id="new", after=30)
    model.take([*late, *new], anew=anew)

    events = len(before) + 1 + len(after)
    assert model.table("tally") == [(2, RUN, events), (31, "new", 1), (6, "other", 2)]
    assert model.table("run_ids") == [("new", 31), ("other", 6), (RUN, 2)]
    assert model.dump() == folded_at_once(model.log).dump()


def test_a_run_without_its_beginning_has_rows() -> None:
    """Its first event is out of reach: it is named by the first that is there."""
    model = Model()
    model.take([event_at(5, 3, done("load"))])
    model.take([event_at(6, 4, ended()), event_at(8, 5, annotated("odd"))], anew=True)

    assert model.table("run_ids") == [(RUN, 5)]
    assert model.table("tally") == [(5, RUN, 3)]


def many_runs(count: int, *told: EventData) -> list[ReplayedEvent]:
    """Record as many runs, all of them open at a time."""
    events = [tell(*told, run_id=f"run-{number}") for number in range(count)]
    return replayed(record([event for step in zip(*events, strict=True) for event in step]))


def test_many_runs_may_be_open_at_a_time() -> None:
    """Each keeps its state, and goes on from it."""
    model = Model()
    events = many_runs(2500, started(), began("load"))
    half = len(events) // 2 + 7

    model.take(events[:half])
    assert len(model.table("open_states")) == 2 * 2500
    model.take(events[half:], anew=True)

    assert {events for _, _, events in model.table("tally")} == {2}
    assert model.folded_again == []


def test_what_has_ended_is_let_go() -> None:
    """Memory is bounded by the runs that are open: those that ended are written on the way."""
    model = Model()
    model.log = many_runs(5000, started(), ended())
    open_ones = [event_at(20_000 + n, 1, started(), run_id=f"open-{n}") for n in range(3)]

    model.folding.take([*open_ones, *model.log])

    assert set(model.folding._runs) == {"open-0", "open-1", "open-2"}
    assert len(model.table("tally")) == 5000
    model.folding.write()
    assert model.folding._runs == {}
    assert len(model.table("tally")) == 5003


def test_a_run_that_was_let_go_in_the_middle_is_taken_up_again() -> None:
    """Another event of it, in the same go, finds it in the model."""
    model = Model()
    events = many_runs(2500, started(), ended())
    late = [event_at(9000, 3, annotated("late"), run_id="run-7")]
    model.log = [*events, *late]

    model.folding.take(events)
    model.folding.take(late)
    model.folding.write()

    assert model.folded_again == ["run-7"]
    assert ("run-7", 3) in [(run_id, count) for _, run_id, count in model.table("tally")]


PARKING = [annotated("fine"), annotated(BREAKS_EVOLVE), annotated("after")]


@pytest.mark.parametrize("size", [1, 2, 10])
@pytest.mark.parametrize("end", [[], [ended()], [ended(), annotated("late")]])
def test_an_event_that_cannot_be_taken_is_parked(size: int, end: list[EventData]) -> None:
    """The projection goes on without it, the others take it, and it is listed with its error."""
    model = Model()
    events = events_of(started(), *PARKING, *end)
    for first in range(0, len(events), size):
        model.take(events[first : first + size], anew=True)

    (parked,) = parked_events(model.connection)
    assert (parked.projection, parked.position, parked.run_id) == ("tally", 4, RUN)
    assert (parked.type, parked.error) == ("run_annotated", "ValueError: breaks evolve")
    assert model.table("tally") == [(2, RUN, len(events) - 1)]
    (summary,) = model.connection.execute("SELECT summary FROM runs_details").fetchone()
    assert BREAKS_EVOLVE in summary


def test_in_a_rebuild_an_event_that_cannot_be_taken_is_an_error() -> None:
    """It names the projection and the position, and what was raised."""
    model = Model(strict=True)

    with pytest.raises(ProjectionFailed) as caught:
        model.take(events_of(started(), *PARKING))

    assert (caught.value.name, caught.value.position) == ("tally", 4)
    assert caught.value.error == "ValueError: breaks evolve"
    assert isinstance(caught.value.__cause__, ValueError)


REFUSED = [BREAKS_ROWS, "refused by the table", *ODD_ROWS]


@pytest.mark.parametrize("note", REFUSED)
def test_rows_that_cannot_be_kept_are_left_out(note: str) -> None:
    """Of that run and that projection alone; the place of its last event is listed."""
    model = Model()
    bad = events_of(started(), annotated(note))
    good = events_of(started(), annotated("good"), run_id="good", after=10)

    model.take([*bad, *good])

    (parked,) = parked_events(model.connection)
    assert (parked.projection, parked.position, parked.run_id) == ("tally", 3, RUN)
    assert parked.type == "rows"
    assert model.table("tally") == [(11, "good", 2)]
    assert model.table("tally_notes") == [(11, "good")]
    assert [run for run, *_ in model.table("runs")] == [11, 2]
    with pytest.raises(ProjectionFailed) as caught:
        Model(strict=True).take([*bad, *good])
    assert (caught.value.name, caught.value.position) == ("tally", 3)


@pytest.mark.parametrize("note", REFUSED)
def test_a_run_has_its_rows_again_once_they_can_be_kept(note: str) -> None:
    """The next rows are those of the whole run, and what failed before is no longer listed."""
    model = Model()
    model.take(events_of(started(), annotated("good")))
    model.take([event_at(5, 3, annotated(note))], anew=True)

    model.take([event_at(6, 4, annotated("good again"))], anew=True)

    assert model.table("tally") == [(2, RUN, 4)]
    assert model.table("tally_notes") == [(2, "good again")]
    assert parked_events(model.connection) == []


def test_rows_that_an_index_cannot_take_are_left_out() -> None:
    """An index of an expression, which fails on the text of one run, is a table that refuses it."""
    model = Model()
    index = "CREATE INDEX tally_notes_json ON tally_notes (json_extract(note, '$'))"
    model.connection.execute(index)

    model.take(
        [
            *events_of(started(), annotated("no json")),
            *events_of(started(), annotated("7"), run_id="good", after=10),
        ]
    )

    assert model.table("tally_notes") == [(11, "7")]
    (parked,) = parked_events(model.connection)
    assert (parked.projection, parked.run_id, parked.type) == ("tally", RUN, "rows")
    assert "malformed JSON" in parked.error


def test_a_model_that_cannot_be_written_is_not_taken_for_a_bad_row() -> None:
    """A full disk, a lock or a broken file stops everything, and parks nothing."""
    model = Model()
    model.take(events_of(started()))
    model.connection.execute("PRAGMA query_only = ON")

    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        model.take([event_at(3, 2, failed("load"))])

    assert parked_events(model.connection) == []


class Unstorable(Tally):
    """Counts, but into states that cannot be stored."""

    def evolve(self, state: TallyState, event: ReplayedEvent) -> TallyState:
        """Count an event, and hold on to what no file takes."""
        odd: Any = object()
        return replace(super().evolve(state, event), note=odd)

    def rows(self, state: TallyState) -> Iterable[Row]:
        """Give the count."""
        yield "tally", (state.run_id, state.events)


def test_runs_whose_states_cannot_all_be_kept_go_on_and_end() -> None:
    """However many of them end in one go, each is folded again once, and its rows are whole."""
    model = Model()
    model.projections = (RunRows(), Unstorable())
    model.folding = model.new_folding()
    events = many_runs(100, started(), ended())

    model.take(events[:100])
    model.take(events[100:])

    assert len(model.folded_again) == 100
    assert [count for *_, count in model.table("tally")] == [2] * 100
    assert model.table("open_states") == []
