"""Tallies: what all runs come to together, however the log comes in."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import EventLog, LogReader, NewEvent
from ledger.events import EventData
from ledger.line.replayed import ReplayedEvent
from projections.checking.deep_check import check_deep
from projections.checking.preview import preview
from projections.engine.folding import Folding
from projections.engine.projector import Projector
from projections.engine.rebuilding import build
from projections.engine.tallies import Tallies, Tally
from projections.errors import ProjectionFailed, ProjectionInvalid
from projections.projection import Projection, check_projections
from projections.read_model.projection_standing import standings
from projections.read_model.row_store import RowStore, create_tables, parked_events
from projections.runs.run_rows import RunRows
from projections.testing import ContractBroken, check_projection
from tests.ledger.strategies import valid_runs
from tests.projections.costs import Costs, CostState, change, record
from tests.projections.payloads import annotated, began, done, ended, started
from tests.projections.recorded import RUN, replayed, tell
from tests.projections.recorded import record as recorded

HOUR, DAY = 3600, 86_400
EVERY: Mapping[str, Sequence[int]] = {"costs_slots": (HOUR, DAY)}


class CostTallies(Costs):
    """What each pipeline has cost, in cents, and each stage by the hour its number stands for."""

    tables = """
    CREATE TABLE costs_pipelines (
        pipeline TEXT PRIMARY KEY, counts TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE costs_slots (
        width INTEGER, slot INTEGER, stage TEXT, counts TEXT NOT NULL,
        PRIMARY KEY (width, stage, slot)
    ) WITHOUT ROWID;
    """
    indexes = ""
    widths = EVERY

    def rows(self, state: CostState) -> list[Any]:  # noqa: ARG002 - what the protocol gives
        """Keep no row a run."""
        return []

    def tallies(self, state: CostState) -> Iterable[Tally]:
        """Add the run to its pipeline, and each of its stages to an hour."""
        cents = [round(100 * seconds) for _, seconds in state.stages]
        numbers = {"runs": 1, "cents": sum(cents), "max_cents": max(cents, default=0)}
        yield "costs_pipelines", (state.pipeline or "",), numbers
        for at, (stage, _) in enumerate(state.stages):
            yield "costs_slots", (HOUR, HOUR * at, stage), {"cents": cents[at]}


class DearerTallies(CostTallies):
    """The next version, which doubles what is counted."""

    version = 2

    def tallies(self, state: CostState) -> Iterable[Tally]:
        """Add twice as much."""
        for table, key, numbers in super().tallies(state):
            yield table, key, {name: 2 * number for name, number in numbers.items()}


class OddTallies(CostTallies):
    """Gives what cannot be kept for runs of more than one stage."""

    odd: Any = ("costs_pipelines", ("",), {"runs": 0.5})

    def tallies(self, state: CostState) -> Iterable[Tally]:
        """Give something odd."""
        yield from super().tallies(state)
        if len(state.stages) > 1:
            yield self.odd


class Counted:
    """A read model in memory that counts, and the log it is folded from."""

    def __init__(self, projection: Costs, *, strict: bool = False) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        create_tables(self.connection, [projection])
        self._strict, self._projection = strict, projection
        self._log: list[ReplayedEvent] = []

    def take(self, events: Iterable[ReplayedEvent]) -> Counted:
        """Fold events as another process would."""
        taken = list(events)
        self._log += taken
        store = RowStore(self.connection, [self._projection])
        folding = Folding([self._projection], store, self._refold, strict=self._strict)
        folding.take(taken)
        folding.write()
        return self

    def _refold(self, run_id: str, until: int) -> list[ReplayedEvent]:
        return [one for one in self._log if one.run_id == run_id and one.position <= until]

    def contents(self) -> list[list[Any]]:
        """Read both tables in order."""
        tables = ("costs_pipelines", "costs_slots")
        return [
            sorted(self.connection.execute(f"SELECT * FROM {table}").fetchall())  # noqa: S608 - ours
            for table in tables
        ]


def events_of(*told: EventData, run_id: str = RUN, after: int = 1) -> list[ReplayedEvent]:
    """Record the events of one run behind a position."""
    return replayed(recorded(tell(*told, run_id=run_id), after=after))


def test_runs_are_added_up_and_kept_in_all_widths() -> None:
    """Numbers add up by their key; of what begins with max_ the greatest stands."""
    one = events_of(started(), began("load"), done("load"), began("sum"), done("sum"), ended())
    two = events_of(started(), began("load"), done("load"), ended(), run_id="two", after=20)

    pipelines, slots = Counted(CostTallies()).take([*one, *two]).contents()

    assert pipelines == [("nightly", '{"cents":150,"max_cents":50,"runs":2}')]
    assert slots == [
        (HOUR, 0, "load", '{"cents":100}'),
        (HOUR, HOUR, "sum", '{"cents":50}'),
        (DAY, 0, "load", '{"cents":100}'),
        (DAY, 0, "sum", '{"cents":50}'),
    ]


@settings(max_examples=40)
@given(valid_runs(), st.lists(st.integers(1, 5), min_size=1, max_size=5))
def test_in_any_portions_the_tallies_are_the_same(
    events: list[NewEvent], portions: list[int]
) -> None:
    """A run that was counted and goes on is counted once, as it stands then."""
    told = replayed(recorded(events))
    in_portions, left = Counted(CostTallies()), list(told)
    while left:
        size = portions[len(left) % len(portions)]
        in_portions.take(left[:size])
        del left[:size]

    assert in_portions.contents() == Counted(CostTallies()).take(told).contents()


def test_what_a_run_no_longer_adds_is_gone() -> None:
    """Its pipeline is known only later: no row of zeros is left where it was counted before."""
    events = events_of(annotated("early"), started(), ended())
    model = Counted(CostTallies())

    first = model.take(events[:1]).contents()[0]
    second = model.take(events[1:]).contents()[0]

    assert [pipeline for pipeline, _ in first] == [""]
    assert [pipeline for pipeline, _ in second] == ["nightly"]


def test_what_a_run_goes_on_to_add_is_not_touched() -> None:
    """Of a run that is counted anew, only the rows are summed in which it adds something else."""
    tallies = Tallies([CostTallies()])
    before: list[Tally] = [
        ("costs_slots", (HOUR, HOUR * at, "load"), {"cents": 1}) for at in range(3)
    ]
    now: list[Tally] = [before[0], ("costs_slots", (HOUR, HOUR, "load"), {"cents": 5}), before[2]]
    tallies.replace([(0, before)], [(0, now)])
    assert tallies.sums == [{("costs_slots", (HOUR, HOUR, "load")): {"cents": 4}}]


def test_a_run_that_says_it_begins_again_is_counted_once() -> None:
    """Its first event hid that it was known; what was counted of it is taken off first."""
    events = events_of(started(), began("load"), done("load"), ended())
    again = events_of(started(), annotated("late"), after=30)

    model = Counted(CostTallies()).take(events).take(again)

    assert model.contents() == Counted(CostTallies()).take([*events, *again]).contents()
    assert '"runs":1' in model.contents()[0][0][1]


def test_numbers_that_cancel_each_other_leave_no_row() -> None:
    """One run adds what another took off: nothing is left to be counted."""

    class Balance(CostTallies):
        def tallies(self, state: CostState) -> Iterable[Tally]:
            yield "costs_pipelines", ("all",), {"balance": 1 if state.stages else -1}

    lessened = events_of(started(), ended())
    raised = events_of(started(), began("load"), done("load"), ended(), run_id="two", after=20)
    model = Counted(Balance())

    assert model.take(lessened).contents()[0] == [("all", '{"balance":-1}')]
    assert model.take(raised).contents()[0] == []


@pytest.mark.parametrize(
    "odd",
    [
        ("costs_pipelines", ("",), {"runs": 0.5}),
        ("costs_pipelines", ("",), {"runs": True}),
        ("costs_pipelines", ("",), {"max_cents": float("inf")}),
        ("costs_pipelines", ("",), {"runs": 2**63}),
        ("costs_pipelines", ("", ""), {"runs": 1}),
        ("costs_pipelines", (None,), {"runs": 1}),
        ("costs_pipelines", ("\ud800",), {"runs": 1}),
        ("costs_slots", (HOUR, "late", ""), {"runs": 1}),
        ("costs", ("",), {"runs": 1}),
        ("costs_pipelines",),
        None,
    ],
    ids=repr,
)
def test_what_cannot_be_kept_is_parked_and_counts_nothing(odd: Any) -> None:
    """The run is named, all others are counted; a rebuild fails on it, as on any row."""
    projection = OddTallies()
    projection.odd = odd
    events = events_of(started(), began("load"), done("load"), began("sum"), done("sum"), ended())
    other = events_of(started(), ended(), run_id="other", after=20)

    model = Counted(projection).take(events[:3]).take(events[3:]).take(other)

    (parked,) = parked_events(model.connection)
    assert (parked.projection, parked.run_id, parked.type) == ("costs", RUN, "rows")
    pipelines, slots = model.contents()
    assert (pipelines, slots) == ([("nightly", '{"max_cents":0,"runs":1}')], [])
    with pytest.raises(ProjectionFailed):
        Counted(projection, strict=True).take(events)


def test_a_table_that_takes_no_key_is_named() -> None:
    """A constraint of the table is a fault of the projection."""

    class Constrained(CostTallies):
        tables = CostTallies.tables.replace("TEXT PRIMARY KEY", "TEXT PRIMARY KEY CHECK (0)")

    with pytest.raises(ProjectionInvalid, match="costs_pipelines does not take"):
        Counted(Constrained()).take(events_of(started()))


def test_the_same_number_comes_out_whatever_its_kind_and_order() -> None:
    """1 and 1.0 are the same greatest number, kept as 1."""
    sums = []
    for numbers in ((1, 1.0), (1.0, 1)):
        tallies = Tallies([CostTallies()])
        tallies.add([(0, [("t", ("k",), {"max_x": number}) for number in numbers])])
        sums.append(repr(tallies.sums))

    assert sums[0] == sums[1]


def test_tallies_keep_the_contract_and_what_is_not_additive_does_not() -> None:
    """The kit checks them in every way that it checks rows in."""

    class Shrinking(CostTallies):
        def tallies(self, state: CostState) -> Iterable[Tally]:
            yield "costs_pipelines", ("",), {"runs": 1, "max_left": 100 - len(state.stages)}

    check_projection(SteadyTallies())
    with pytest.raises(ContractBroken) as broken:
        check_projection(Shrinking())
    assert broken.value.law in ("rebuilt", "incremental", "whole", "duplicates")


class SteadyTallies(CostTallies):
    """One that keeps the laws: an event that comes twice is folded once."""

    name = "costs"

    def evolve(self, state: CostState, event: ReplayedEvent) -> CostState:
        """Pass over what was folded already: its position is kept as the number of failures."""
        if event.position <= state.failures or not hasattr(event.data, "type"):
            return state
        following = super().evolve(state, event)
        if following is state:
            return state
        return CostState(state.run_id, following.pipeline, following.stages, event.position)


def test_workers_come_to_the_same_tallies(tmp_path: Path) -> None:
    """Parts that were folded elsewhere add up to what one process counts."""
    folder = record(tmp_path / "ledger", range(12))
    reader = LogReader(folder)
    live = Projector(reader, projections=[RunRows(), CostTallies()])
    live.catch_up(reader.position)
    path = live.models.current()
    assert path is not None

    made = build(reader, live.models, live.projections, part=15)

    with closing(sqlite3.connect(path)) as one, closing(sqlite3.connect(made)) as other:
        for table in ("costs_pipelines", "costs_slots"):
            rows = one.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 - ours
            assert rows
            assert other.execute(f"SELECT * FROM {table}").fetchall() == rows  # noqa: S608


def test_tallies_are_compared_with_the_log_and_before_a_change(tmp_path: Path) -> None:
    """A changed row is found, is in the digest, and a preview shows what a version would count."""
    folder = record(tmp_path / "ledger", range(4))
    ours: list[Projection[Any]] = [RunRows(), CostTallies()]
    sound = check_deep(folder, projections=ours)
    (_, standing) = standings(folder, installed=ours, digests=True)
    found = preview(folder, installed=[RunRows(), DearerTallies()])
    model = folder / "read-models" / "000001.sqlite"
    change(
        model, "UPDATE costs_pipelines SET counts = '{\"runs\":9}' WHERE pipeline = 'pipeline-1'"
    )
    changed = check_deep(folder, projections=ours)

    assert sound.equal
    side = sound.projections[1].new
    assert side is not None
    assert (standing.rows, standing.digest) == (3 + 4, side.content.digest)
    assert not found.equal
    assert [(one.table, one.only_kept, one.missing) for one in found.kept] == [
        ("costs_pipelines", 3, 3),
        ("costs_slots", 4, 4),
    ]
    assert not changed.equal
    assert [one.table for one in changed.kept] == ["costs_pipelines"]
    assert not changed.projections[1].same_digest


def test_a_late_event_of_a_real_log_is_counted_once(tmp_path: Path) -> None:
    """A remark on a run that has ended changes no tally."""
    folder = record(tmp_path / "ledger", range(2))
    projector = Projector(LogReader(folder), projections=[RunRows(), CostTallies()])
    projector.catch_up(LogReader(folder).position)
    with EventLog.open(folder, durability="process") as log:
        log.append(NewEvent(annotated("late"), "run-001"))
        log.sync()

    assert check_deep(folder, projections=[RunRows(), CostTallies()]).equal


def test_widths_are_made_of_each_other() -> None:
    """So that the sums of one are made of those of the one before."""
    projection = CostTallies()
    projection.widths = {"costs_slots": (HOUR, 5000)}

    with pytest.raises(ProjectionInvalid, match="multiple of the one before"):
        check_projections([projection])
