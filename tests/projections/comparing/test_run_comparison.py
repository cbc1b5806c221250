"""Two runs side by side: symmetric, without a difference where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import NewEvent
from ledger.events import EventData
from projections.comparing.paired_attempts import merged
from projections.comparing.paired_values import pair_durations, pair_values
from projections.comparing.run_comparison import RunComparison, compare_runs
from projections.runs.run_fold import fold, initial, summarize
from projections.statistics.baselines import Baseline, Usual
from tests.projections.drawn_runs import interleaved_runs
from tests.projections.payloads import (
    annotated,
    began,
    done,
    ended,
    failed,
    imported,
    skipped,
    started,
)
from tests.projections.recorded import record, replayed, tell

USUAL = Usual(median=7.0, spread=0.5, successes=20)

keys = st.lists(st.tuples(st.sampled_from("abcde"), st.just(1)), unique=True, max_size=5)


def compared(events: Sequence[NewEvent], a: str, b: str) -> RunComparison:
    """Compare two runs of a log."""
    log = replayed(record(events))
    told = {name: [event for event in log if event.run_id == name] for name in (a, b)}
    runs = {name: summarize(fold(told[name], initial(name))) for name in (a, b)}
    return compare_runs(
        runs[a],
        runs[b],
        told[a],
        told[b],
        position=len(log) + 1,
        baseline=Baseline(run=USUAL, stages={"load": USUAL}),
    )


def of_stories(a: Sequence[EventData], b: Sequence[EventData]) -> RunComparison:
    """Compare two runs that are told."""
    return compared([*tell(*a, run_id="a"), *tell(*b, run_id="b")], "a", "b")


def mirrored(value: Any) -> Any:
    """Exchange the two sides of what was dumped."""
    if isinstance(value, list):
        return [mirrored(one) for one in value]
    if not isinstance(value, dict):
        return value
    found = {name: mirrored(one) for name, one in value.items()}
    if "a" in found:
        found["a"], found["b"] = found["b"], found["a"]
    if found.get("only"):
        found["only"] = "ab".replace(found["only"], "")
    for name in ("delta", "spreads"):
        if found.get(name) is not None:
            found[name] = -found[name]
    return found


@given(events=interleaved_runs(max_runs=3), data=st.data())
@settings(max_examples=50)
def test_the_other_way_round_it_is_mirrored(events: list[NewEvent], data: st.DataObject) -> None:
    """Whatever the runs did, and whichever is named first; that it can be is total, too."""
    names = sorted({event.run_id for event in events if event.run_id})
    a, b = data.draw(st.sampled_from(names)), data.draw(st.sampled_from(names))

    one, two = compared(events, a, b), compared(events, b, a)

    assert mirrored(one.model_dump(mode="json")) == two.model_dump(mode="json")
    shown = [found.differences().model_dump(mode="json") for found in (one, two)]
    assert mirrored(shown[0]) == shown[1]


@given(events=interleaved_runs(max_runs=1), hours=st.integers(0, 9))
@settings(max_examples=30)
def test_equal_runs_show_no_difference(events: list[NewEvent], hours: int) -> None:
    """A run with itself, and with one that did the same at another time."""
    later = timedelta(hours=hours)
    again = [
        NewEvent(event.data, "again", occurred_at=event.occurred_at + later) for event in events
    ]

    for other in ("run-0", "again"):
        found = compared([*events, *again], "run-0", other)
        shown = found.differences()
        assert found.equal
        assert found.parting is None
        assert (shown.fields, shown.parameters, shown.metadata) == ((), (), ())
        assert all(pair.equal and pair.metrics == () for pair in shown.attempts)
        assert all(pair.duration.delta in (None, 0) for pair in found.attempts)


@given(a=keys, b=keys)
def test_merged_orders_hold_each_once(a: list[tuple[str, int]], b: list[tuple[str, int]]) -> None:
    """It is the same order when they are exchanged, and each of both where one extends it."""
    order = merged(a, b)

    assert sorted(order) == sorted({*a, *b})
    assert order == merged(b, a)
    assert merged(a, []) == a
    some = [key for key in a if key[0] < "c"]
    assert merged(some, a) == a


def test_stages_are_aligned_by_name_and_attempt() -> None:
    """A retry, a stage that is skipped, one that is new, and what both have."""
    plan = ("load", "check", "merge")
    a = [started(*plan), began("load"), failed("load", retry=True), began("load", 2)]
    a += [done("load", 2, rows=3), skipped("check"), began("merge"), done("merge"), ended()]
    b = [started(*plan), began("load"), done("load", rows=3), began("check"), done("check")]
    b += [began("merge"), done("merge", rows=1), began("publish"), done("publish"), ended()]

    found = of_stories(a, b)

    rows = [
        (pair.stage, pair.attempt, pair.a and pair.a.result, pair.b and pair.b.result, pair.equal)
        for pair in found.attempts
    ]
    assert rows == [
        ("load", 1, "failed", "success", False),
        ("load", 2, "success", None, False),
        ("check", 1, "skipped", "success", False),
        ("merge", 1, "success", "success", False),
        ("publish", 1, None, "success", False),
    ]
    load, _, _, merge, _ = found.attempts
    assert load.a is not None
    assert load.a.reason == "ValueError: no rows"
    assert (load.duration.delta, load.duration.spreads) == (-0.25, -0.5)
    assert merge.duration.spreads is None
    (rows_metric,) = merge.metrics
    assert (rows_metric.name, rows_metric.b, rows_metric.only) == ("rows", 1, "b")
    assert found.parting is not None
    assert found.parting.shared == 2
    assert found.parting.a is not None
    assert (found.parting.a.type, found.parting.a.error) == ("stage_failed", "ValueError")
    assert found.parting.b is not None
    assert found.parting.b.type == "stage_completed"


def test_fields_and_metadata_that_differ_are_kept() -> None:
    """By their JSON; what only one has is told from what is null."""
    a = [started(same=1, day="5", gone=None), annotated("seen"), ended()]
    b = [started(same=1, day=5), ended("failed", "no rows")]

    found = of_stories(a, b).differences()

    assert [(pair.name, pair.a, pair.b) for pair in found.fields] == [
        ("result", "success", "failed"),
        ("failure_reason", None, "no rows"),
        ("notes", [{"note": "seen", "actor": "anna"}], []),
    ]
    assert [(pair.name, pair.a, pair.b, pair.only) for pair in found.metadata] == [
        ("day", "5", 5, None),
        ("gone", None, None, "a"),
    ]
    assert not found.equal
    assert found.duration.delta == 0


def test_runs_that_go_on_and_runs_without_stages_can_be_compared() -> None:
    """What is not known of one is null; so is every difference with it."""
    going_on = [started(), began("load")]

    found = of_stories(going_on, [imported("success")])
    shorter = of_stories(going_on, [*going_on, done("load")])

    assert (found.duration.a, found.duration.b, found.duration.delta) == (None, 60, None)
    assert [(pair.a and pair.a.result, pair.b) for pair in found.attempts] == [(None, None)]
    assert found.parting is not None
    assert found.parting.shared == 0
    assert shorter.parting is not None
    assert (shorter.parting.shared, shorter.parting.a) == (2, None)


def test_a_spread_next_to_nothing_measures_nothing() -> None:
    """What comes to no finite number is not given."""
    for spread in (0.0, 5e-324):
        usual = Usual(median=1, spread=spread, successes=1)
        assert pair_durations(9e9, 1.0, usual).spreads is None


def test_values_are_the_same_as_json() -> None:
    """A number is no truth value, and a whole one not the other."""
    a, b = {"x": 1, "y": True, "z": {"p": 1, "q": 2}}, {"x": 1.0, "y": 1, "z": {"q": 2, "p": 1}}

    assert [pair.equal for pair in pair_values(a, b)] == [False, False, True]
