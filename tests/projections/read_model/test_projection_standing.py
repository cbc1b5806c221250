"""How projections stand: what is told of each, without catching any of them up."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.errors import LedgerNotFound
from projections import RunHistory
from projections.read_model.projection_standing import parked_in, standings
from projections.runs.run_rows import RunRows
from tests.projections.costs import Costs, DearerCosts, FaultyCosts, catch_up, record

VERSION = RunRows.version


def test_a_projection_that_is_up_to_date(tmp_path: Path) -> None:
    """Version, generation, checkpoint, rows; no lag, nothing parked, and no digest unasked."""
    folder = record(tmp_path / "runs", range(3), failing=[1])
    catch_up(folder, Costs())

    runs, costs = standings(folder, installed=(RunRows(), Costs()))

    assert (runs.name, runs.version, runs.installed) == ("runs", VERSION, VERSION)
    assert (costs.checkpoint, costs.lag_events, costs.lag_seconds) == (22, 0, 0.0)
    assert (runs.generation, costs.rows) == ("000001", 8)
    assert (costs.parked, costs.digest) == (0, None)


def test_the_lag_is_that_of_the_last_durable_event(tmp_path: Path) -> None:
    """In events, and in the seconds between when both were recorded; asking changes nothing."""
    folder = record(tmp_path / "runs", range(2))
    catch_up(folder, Costs())
    record(folder, [2])

    for _ in range(2):
        _, costs = standings(folder, installed=(RunRows(), Costs()))

        assert (costs.checkpoint, costs.lag_events) == (15, 7)
        assert costs.lag_seconds is not None
        assert costs.lag_seconds > 0


def test_what_was_never_built(tmp_path: Path) -> None:
    """Everything is behind, and no generation is there; none is made."""
    folder = record(tmp_path / "runs", range(2))

    (runs,) = standings(folder, installed=[RunRows()])

    assert (runs.version, runs.installed, runs.generation) == (None, VERSION, None)
    assert (runs.checkpoint, runs.lag_events, runs.lag_seconds) == (0, 15, None)
    assert not list((folder / "read-models").iterdir())


def test_code_and_model_may_differ(tmp_path: Path) -> None:
    """Another version, one that is not installed, and one that is not built are told apart."""
    folder = record(tmp_path / "runs", range(2))
    catch_up(folder, Costs())

    _, costs = standings(folder, installed=(RunRows(), DearerCosts()))
    assert (costs.version, costs.installed) == (1, 2)

    _, costs = standings(folder, installed=[RunRows()])
    assert (costs.version, costs.installed, costs.rows) == (1, None, 6)


def test_digests_are_given_where_they_are_asked_for(tmp_path: Path) -> None:
    """They are the same in every ledger of the same runs, whatever its ids and times."""
    found = []
    for name in ("one", "other"):
        folder = record(tmp_path / name, range(3), failing=[1])
        catch_up(folder, Costs(), batch=3)
        found.append(standings(folder, installed=(RunRows(), Costs()), digests=True)[1])

    assert found[0].digest == found[1].digest
    assert found[0].digest is not None
    assert len(found[0].digest) == 64


def test_parked_events_are_counted_and_listed(tmp_path: Path) -> None:
    """A projection that could not take an event went on, and says which and why."""
    folder = record(tmp_path / "runs", [0])
    catch_up(folder, FaultyCosts())
    record(folder, [1, 2], failing=[1])
    catch_up(folder, FaultyCosts())

    runs, costs = standings(folder, installed=(RunRows(), FaultyCosts()))
    (parked,) = parked_in(folder)

    assert (runs.parked, costs.parked, costs.lag_events) == (0, 1, 0)
    assert (parked.projection, parked.position, parked.type) == ("costs", 13, "stage_failed")
    assert (parked.run_id, parked.error) == (
        "run-001",
        "LookupError: no price for failures of run-001",
    )


def test_nothing_is_parked_where_all_is_well(tmp_path: Path) -> None:
    """Also where there is no model yet; and a history says so too."""
    folder = record(tmp_path / "runs", [0])
    assert parked_in(folder) == []

    with RunHistory(folder) as history:
        assert history.degraded() == []
    assert parked_in(folder) == []


def test_no_ledger_is_no_ledger(tmp_path: Path) -> None:
    """Nothing is made where there is none."""
    with pytest.raises(LedgerNotFound):
        standings(tmp_path / "none")
    with pytest.raises(LedgerNotFound):
        parked_in(tmp_path / "none")
