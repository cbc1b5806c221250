"""The lifecycle: every cell of its tables, and what holds for all histories."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import astuple

from ledger.events import EVENT_TYPES, EventData, NewEvent
from ledger.lifecycle import (
    ATTEMPT_TRANSITIONS,
    RUN_TRANSITIONS,
    AttemptPhase,
    Lifecycle,
    RunPhase,
    Violation,
    advance,
)
from ledger.payloads.payload import Payload
from tests.ledger.examples import payload
from tests.ledger.strategies import event_data, stage_names, valid_runs

# Rows: what happens. Columns: where the run stands. A cell: where it stands then, or "-".
RUN_TABLE = """
                 absent     running    abandoned  ended
run_started      running    -          -          -
run_imported     ended      -          -          -
stage_started    -          running    running    -
stage_completed  -          running    running    -
stage_failed     -          running    running    -
stage_stopped    -          running    running    -
stage_skipped    -          running    running    -
run_ended        -          ended      ended      -
run_abandoned    -          abandoned  -          -
run_annotated    -          running    abandoned  ended
"""

# Rows: what happens to a stage. Columns: where its last attempt stands.
ATTEMPT_TABLE = """
                 absent   open       completed  failed  stopped  skipped
stage_started    open     -          open       open    open     open
stage_completed  -        completed  -          -       -        -
stage_failed     -        failed     -          -       -        -
stage_stopped    -        stopped    -          -       -        -
stage_skipped    skipped  -          -          -       -        -
"""


def cells(table: str) -> list[tuple[str, str, str]]:
    """Read a table: (row, column, cell)."""
    head, *rows = [line.split() for line in table.strip().splitlines()]
    return [
        (row[0], column, cell) for row in rows for column, cell in zip(head, row[1:], strict=True)
    ]


def run_at(phase: str) -> Lifecycle:
    """Put a run where one attempt of the stage ``load`` is open, as far as it can have one."""
    if phase == "absent":
        return Lifecycle()
    return Lifecycle(RunPhase(phase), {"load": (1, AttemptPhase.OPEN)})


def step(state: Lifecycle, data: EventData | Payload) -> Lifecycle | Violation:
    """Advance by a payload."""
    fields = data.as_value()
    return advance(state, data.type, fields.get("stage"), fields.get("attempt"))


def history(events: list[NewEvent]) -> dict[str, Lifecycle | Violation]:
    """Fold events into the lifecycle of each run; a violation stands."""
    states: dict[str, Lifecycle | Violation] = {}
    for event in events:
        if event.run_id is not None:
            state = states.get(event.run_id, Lifecycle())
            if isinstance(state, Lifecycle):
                states[event.run_id] = step(state, event.data)
    return states


@pytest.mark.parametrize(("event_type", "phase", "cell"), cells(RUN_TABLE))
def test_each_cell_of_the_run_table(event_type: str, phase: str, cell: str) -> None:
    """From each phase each event leads where the table says, or breaks a rule."""
    stage = "other" if event_type in ("stage_started", "stage_skipped") else "load"

    following = advance(run_at(phase), event_type, stage if "stage" in event_type else None)

    if cell == "-":
        assert isinstance(following, Violation)
        assert following.rule
        assert following.reason
    else:
        assert isinstance(following, Lifecycle)
        assert following.phase == cell


@pytest.mark.parametrize(("event_type", "phase", "cell"), cells(ATTEMPT_TABLE))
def test_each_cell_of_the_attempt_table(event_type: str, phase: str, cell: str) -> None:
    """An attempt opens once and closes once; the next opens when the last is closed."""
    attempts = {} if phase == "absent" else {"load": (3, AttemptPhase(phase))}
    state = Lifecycle(RunPhase.RUNNING, attempts)

    following = advance(state, event_type, "load")

    if cell == "-":
        assert isinstance(following, Violation)
        assert following.rule == "unknown_attempt"
    else:
        assert isinstance(following, Lifecycle)
        opened = (0 if phase == "absent" else 3) + (event_type == "stage_started")
        assert following.attempts["load"] == (opened, cell)


def test_the_tables_hold_nothing_else() -> None:
    """The tables of the code have exactly the legal cells of the tables above."""
    legal_run = {(phase, event) for event, phase, cell in cells(RUN_TABLE) if cell != "-"}
    legal_attempt = {(phase, event) for event, phase, cell in cells(ATTEMPT_TABLE) if cell != "-"}

    assert set(RUN_TRANSITIONS) == legal_run
    assert set(ATTEMPT_TRANSITIONS) == legal_attempt


@pytest.mark.parametrize(
    ("event_type", "phase", "rule"),
    [
        ("stage_started", "absent", "no_start"),
        ("run_ended", "absent", "no_start"),
        ("run_annotated", "absent", "no_start"),
        ("run_started", "running", "second_start"),
        ("run_imported", "abandoned", "second_start"),
        ("run_started", "ended", "second_start"),
        ("run_ended", "ended", "second_end"),
        ("run_abandoned", "ended", "event_after_end"),
        ("stage_failed", "ended", "event_after_end"),
    ],
)
def test_a_violation_names_its_rule(event_type: str, phase: str, rule: str) -> None:
    """The short name tells apart what was wrong."""
    following = advance(run_at(phase), event_type)

    assert isinstance(following, Violation)
    assert following.rule == rule


def test_a_second_presumption_does_not_speak_of_an_end() -> None:
    """A run that is presumed abandoned has not ended, and the reason does not say so."""
    following = advance(run_at("abandoned"), "run_abandoned")

    assert isinstance(following, Violation)
    assert "ended" not in following.reason


@pytest.mark.parametrize("attempt", [0, 1, 3])
def test_attempts_are_numbered_without_gaps(attempt: int) -> None:
    """After the first attempt only the second may start."""
    state = Lifecycle(RunPhase.RUNNING, {"load": (1, AttemptPhase.FAILED)})

    assert isinstance(advance(state, "stage_started", "load", attempt), Violation)
    following = advance(state, "stage_started", "load", 2)
    assert isinstance(following, Lifecycle)
    assert astuple(following) == (RunPhase.RUNNING, {"load": (2, AttemptPhase.OPEN)}, {})


@pytest.mark.parametrize("event_type", ["stage_completed", "stage_failed", "stage_stopped"])
def test_only_the_open_attempt_closes(event_type: str) -> None:
    """An end that names another attempt than the open one breaks the table."""
    state = Lifecycle(RunPhase.RUNNING, {"load": (2, AttemptPhase.OPEN)})

    for attempt in (1, 3):
        assert isinstance(advance(state, event_type, "load", attempt), Violation)
    assert isinstance(advance(state, event_type, "load", 2), Lifecycle)


def test_a_skipped_stage_may_still_start_with_its_first_attempt() -> None:
    """Skipping is no attempt."""
    skipped = advance(Lifecycle(RunPhase.RUNNING), "stage_skipped", "load")
    assert isinstance(skipped, Lifecycle)

    assert isinstance(advance(skipped, "stage_started", "load", 1), Lifecycle)
    assert isinstance(advance(skipped, "stage_started", "load", 2), Violation)


@settings(max_examples=30)
@given(valid_runs())
def test_any_legal_history_passes(events: list[NewEvent]) -> None:
    """No story of runs that the words of the design allow breaks a table."""
    assert not [state for state in history(events).values() if isinstance(state, Violation)]


@settings(max_examples=30)
@given(valid_runs(max_runs=1), event_data)
def test_after_the_end_only_a_remark_may_follow(events: list[NewEvent], data: EventData) -> None:
    """Whatever happens to a run that ended is a violation, but for an annotation."""
    (state,) = history(events).values()
    assert isinstance(state, Lifecycle)
    if state.phase is not RunPhase.ENDED:
        state = Lifecycle(RunPhase.ENDED, state.attempts)

    following = step(state, data)

    if data.type == "run_annotated" or not data.type.startswith(("run_", "stage_")):
        assert following == state
    else:
        assert isinstance(following, Violation)


@given(stage_names, st.sampled_from(["stage_completed", "stage_failed", "stage_stopped"]))
def test_a_presumed_end_gives_way_to_what_really_happens(stage: str, event_type: str) -> None:
    """An abandoned run whose writer speaks again runs again, its open attempt untouched."""
    state = Lifecycle(RunPhase.RUNNING, {stage: (1, AttemptPhase.OPEN)})

    abandoned = step(state, payload("run_abandoned"))
    assert isinstance(abandoned, Lifecycle)
    assert astuple(abandoned) == (RunPhase.ABANDONED, state.attempts, {})
    assert step(abandoned, payload("run_annotated")) is abandoned

    back = step(abandoned, payload(event_type, stage))
    assert isinstance(back, Lifecycle)
    assert back.phase is RunPhase.RUNNING
    ended = step(abandoned, payload("run_ended"))
    assert isinstance(ended, Lifecycle)
    assert ended.phase is RunPhase.ENDED


def test_types_of_no_run_and_unknown_types_change_nothing() -> None:
    """What the tables do not know moves no run, wherever it stands."""
    unknown = [name for name in EVENT_TYPES if not name.startswith(("run_", "stage_"))]

    for phase, event_type in product(RunPhase, [*unknown, "run_teleported"]):
        state = run_at(phase)
        assert advance(state, event_type) is state


@given(st.lists(event_data, max_size=12))
def test_advancing_never_fails_and_never_changes_a_state(several: list[EventData]) -> None:
    """Any events in any order give a state or a violation, and an old state stays as it was."""
    state = Lifecycle()
    for data in several:
        before = (state.phase, dict(state.attempts))
        following = step(state, data)
        assert (state.phase, dict(state.attempts)) == before
        if isinstance(following, Lifecycle):
            state = following


def test_a_run_of_many_stages_stands_as_a_short_one_does() -> None:
    """However many stages there were, each is where its last event left it."""
    state = Lifecycle(RunPhase.RUNNING)
    names = [f"part/{number}" for number in range(300)]
    for event_type in ("stage_started", "stage_failed"):
        for name in names:
            following = advance(state, event_type, name, 1)
            assert isinstance(following, Lifecycle)
            state = following

    assert {state.last_attempt(name) for name in names} == {(1, AttemptPhase.FAILED)}
    assert isinstance(advance(state, "stage_started", names[0], 1), Violation)
    assert isinstance(advance(state, "stage_started", names[0], 2), Lifecycle)
    assert len(state.attempts) < len(names)
