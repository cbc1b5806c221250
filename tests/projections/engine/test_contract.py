"""The contract kit: ours keep every law, and whoever breaks one is told which, and where."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import EventLog, LogReader, NewEvent
from ledger.errors import LedgerDamaged
from ledger.events import EVENT_TYPES, RUNLESS_TYPES, UnreadData
from ledger.integrity.repair import repair
from projections import RunHistory
from projections.errors import ProjectionInvalid
from projections.failures.failure_rows import FailureRows
from projections.registry import registered
from projections.runs.run_rows import RunRows
from projections.statistics.statistics_rows import StatisticsRows
from projections.testing import (
    LAWS,
    ContractBroken,
    check_projection,
    lines_of,
    sample_logs,
    write_log,
)
from tests.golden_ledger import golden_ledger
from tests.ledger.examples import event_id, one_run
from tests.ledger.forging import altered, rechained
from tests.ledger.strategies import event_data, moments, valid_runs
from tests.projections.broken_projections import BROKEN, CountsTwice, RaisesInEvolve, TypeCounts

MOVING = (
    "runs.last_position",
    "runs.reach",
    "runs_details.summary.last_position",
    "runs_details.summary.last_sequence",
    "runs_details.summary.last_event_at",
)
"""Where a run stands: what any event moves, known or not."""

GOLDEN_SUMMARY = Path(__file__).parents[2] / "golden" / "summary" / "every_event_type.jsonl"


def test_ours_keep_the_contract() -> None:
    """The run summaries keep every law on the sample logs, and in another process."""
    check_projection(RunRows(), moving=MOVING)
    check_projection(FailureRows())
    check_projection(StatisticsRows())


def test_ours_keep_the_contract_on_the_golden_logs(tmp_path: Path) -> None:
    """They do on logs that are kept for ever, given as a folder or as lines."""
    check_projection(RunRows(), golden_ledger(tmp_path), moving=MOVING)
    check_projection(RunRows(), GOLDEN_SUMMARY.read_bytes().splitlines(), moving=MOVING)
    check_projection(FailureRows(), GOLDEN_SUMMARY.read_bytes().splitlines())


@settings(max_examples=4)
@given(valid_runs())
def test_ours_keep_the_contract_on_any_runs(events: list[NewEvent]) -> None:
    """They do on whatever the lifecycle allows."""
    check_projection(RunRows(), lines_of(events), moving=MOVING)
    check_projection(FailureRows(), lines_of(events))
    check_projection(StatisticsRows(), lines_of(events))


@st.composite
def any_log(draw: st.DrawFn) -> list[bytes]:
    """Draw a log that no ``EventLog`` would write: events in any order, sequences of any kind."""
    events: list[NewEvent] = []
    for number in range(1, draw(st.integers(1, 12))):
        data, run_id = draw(event_data), draw(st.sampled_from(["a", "b"]))
        belongs = None if data.type in RUNLESS_TYPES else run_id
        events.append(NewEvent(data, belongs, event_id(number), draw(moments)))
    lines = lines_of(events)
    if draw(st.booleans()):
        for at, event in enumerate(events, 1):
            if event.run_id is not None and draw(st.booleans()):
                lines[at] = altered(lines[at], sequence=draw(st.integers(0, 4)))
    return rechained(lines)


@settings(max_examples=6)
@given(any_log())
def test_ours_keep_the_contract_on_any_log(lines: list[bytes]) -> None:
    """They do on what no log should hold."""
    check_projection(RunRows(), lines, moving=MOVING)
    check_projection(FailureRows(), lines)
    check_projection(StatisticsRows(), lines)


def test_a_log_of_nothing_keeps_every_law() -> None:
    """Without events there is nothing to differ in."""
    check_projection(TypeCounts(), [])
    check_projection(TypeCounts(), lines_of([]))


def test_an_honest_projection_keeps_every_law() -> None:
    """What the broken ones are made from is not broken; and no file stays open."""
    before = len(list(Path("/proc/self/fd").iterdir()))

    check_projection(TypeCounts())

    assert len(list(Path("/proc/self/fd").iterdir())) <= before


@pytest.mark.parametrize("kind", BROKEN, ids=lambda kind: kind.__name__)
def test_a_broken_law_is_found_and_named(kind: type[TypeCounts]) -> None:
    """Each way to break the contract is told by the law it breaks."""
    with pytest.raises(ContractBroken) as caught:
        check_projection(kind())

    assert (caught.value.projection, caught.value.law) == ("type_counts", BROKEN[kind])
    assert LAWS[BROKEN[kind]] in str(caught.value)


def test_every_law_is_broken_by_somebody() -> None:
    """No law is only written down."""
    assert set(BROKEN.values()) == set(LAWS)


def test_what_is_broken_says_where() -> None:
    """The run, the position and the difference are told, so that the author can look there."""
    lines = lines_of(one_run("run-1"))

    with pytest.raises(ContractBroken) as raised:
        check_projection(RaisesInEvolve(), lines)
    with pytest.raises(ContractBroken) as twice:
        check_projection(CountsTwice(), lines)

    assert (raised.value.run_id, raised.value.position) == ("run-1", 4)
    assert "KeyError" in raised.value.difference
    assert (twice.value.run_id, twice.value.position) == ("run-1", 2)
    assert "type_counts.count is 2 and not 1" in str(twice.value)


def test_what_moves_with_any_event_is_named_by_the_author() -> None:
    """Where it is not, an unknown event that moves it breaks the law; a wrong name is refused."""
    lines = lines_of(one_run("run-1"))

    with pytest.raises(ContractBroken, match=r"'unknown types'.*runs\.last_position"):
        check_projection(RunRows(), lines)
    with pytest.raises(ValueError, match=r"runs\.last_place names no column"):
        check_projection(RunRows(), lines, moving=["runs.last_place"])


def test_what_is_no_projection_and_what_is_no_log_is_refused() -> None:
    """Tables that cannot be made and lines that were not written are errors of their own."""

    class Unnamed(TypeCounts):
        name = "TypeCounts"

    lines = lines_of(one_run("run-1"))
    given: list[tuple[Any, str]] = [
        (Unnamed(), "a name is lower-case letters"),
        (TypeCounts, "TypeCounts cannot be used: it is a class: give an instance"),
        (object(), "object cannot be used: it has no name, version"),
    ]
    for one, reason in given:
        with pytest.raises(ProjectionInvalid, match=reason):
            check_projection(one, lines)
    with pytest.raises(LedgerDamaged):
        check_projection(TypeCounts(), [*lines[:2], lines[2][:-3] + b"00}", *lines[3:]])


def test_a_folder_that_is_checked_is_left_as_it_was(tmp_path: Path) -> None:
    """The kit folds a copy: it may be pointed at a real ledger."""
    folder = golden_ledger(tmp_path)
    before = sorted(folder.rglob("*"))

    check_projection(TypeCounts(), folder)

    assert sorted(folder.rglob("*")) == before


def test_a_log_of_many_segments_keeps_every_law(tmp_path: Path) -> None:
    """As a real one grows: sealed segments, and the active one behind them."""
    with EventLog.open(tmp_path / "ledger", durability="process", segment_bytes=1500) as log:
        for number in range(8):
            log.append_batch(one_run(f"run-{number}"))

    assert len(list((tmp_path / "ledger" / "events").iterdir())) > 3
    check_projection(RunRows(), tmp_path / "ledger", moving=MOVING)


def test_a_log_that_was_repaired_keeps_every_law(tmp_path: Path) -> None:
    """Where a line was passed over, its run goes on behind a gap; a damaged log is refused."""
    folder = tmp_path / "ledger"
    with EventLog.open(folder, durability="process") as log:
        log.append_batch([*one_run("run-1"), *one_run("run-2")])
    segment = folder / "events" / f"{1:020d}.jsonl"
    segment.write_bytes(segment.read_bytes().replace(b'"attempt":1', b'"attempt":2', 1))

    with pytest.raises(LedgerDamaged):
        check_projection(RunRows(), folder, moving=MOVING)
    repair(folder, actor="anna", reason="a flipped bit")

    check_projection(RunRows(), folder, moving=MOVING)


def test_sample_logs_hold_everything(tmp_path: Path) -> None:
    """Every type, types and versions that nobody knows, and every anomaly there is but one."""
    for number, lines in enumerate(sample_logs()):
        folder = tmp_path / str(number)
        write_log(folder, lines)
        events = list(LogReader(folder).read())
        with RunHistory(folder) as history:
            runs = history.list_runs()

        assert {event.type for event in events} > set(EVENT_TYPES)
        assert "stage_completed" in {
            event.type for event in events if isinstance(event.data, UnreadData)
        }
        rules = {anomaly.rule for run in runs for anomaly in run.anomalies}
        # No log gives out a sequence that does not count on.
        assert rules >= {"clock_skew", "duplicate_body", "resurrected_run", "event_after_end"}
        assert rules >= {"second_start", "second_end", "no_start", "unknown_attempt"}
        assert {run.result for run in runs} == {None, "success", "failed", "stopped"}


def test_sample_logs_come_back_by_their_seed() -> None:
    """A failure on a sample log can be looked at again."""
    assert list(sample_logs()) == list(sample_logs(seed=0))
    first, second = sample_logs(count=2)
    assert first != second
    assert next(sample_logs(seed=1)) != first


def test_a_sample_log_can_be_written_on(tmp_path: Path) -> None:
    """It is a ledger like any other."""
    write_log(tmp_path / "ledger", next(sample_logs()))

    with EventLog.open(tmp_path / "ledger") as log:
        before = log.position
        log.append(one_run("another")[0])

        assert log.position == before + 1


def test_the_kit_needs_no_test_framework() -> None:
    """An author may call it from anywhere."""
    script = "import sys, projections.testing; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    ).stdout.split()

    assert not {"pytest", "hypothesis"} & set(loaded)


def test_all_that_are_ours_are_checked() -> None:
    """Whoever registers one more, adds it to these tests."""
    assert [type(projection) for projection in registered()] == [
        RunRows,
        FailureRows,
        StatisticsRows,
    ]
