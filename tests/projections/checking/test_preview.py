"""What changed code would change is seen before it does, and switched to without a pause."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ledger import LogReader
from ledger.disk.folder import LedgerFolder
from projections import RunHistory
from projections.checking.deep_check import check_deep
from projections.checking.preview import Preview, preview
from projections.engine.projector import Projector
from projections.errors import (
    NothingToCompare,
    ProjectionFailed,
    ProjectionInvalid,
    ProjectionNotInstalled,
)
from projections.projection import Projection
from projections.read_model.read_model import ReadModels
from projections.runs.run_rows import RunRows
from tests.projections.costs import (
    Costs,
    DearerCosts,
    FaultyCosts,
    WiderCosts,
    catch_up,
    change,
    record,
)

RUNS = 6
OURS: Sequence[Projection[Any]] = (RunRows(), Costs())
FAULTY: Sequence[Projection[Any]] = (RunRows(), FaultyCosts())
DEARER: Sequence[Projection[Any]] = (RunRows(), DearerCosts())


class OtherCosts(Costs):
    """A projection of another name."""

    name = "other"
    tables = Costs.tables.replace("costs", "other")
    indexes = ""

    def rows(self, state: Any) -> Any:
        """Give the rows to its own tables."""
        return [(table.replace("costs", "other"), values) for table, values in super().rows(state)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Record some runs, and build the model."""
    folder = record(tmp_path / "runs", range(RUNS), failing=[3])
    catch_up(folder, Costs())
    return folder


def current(folder: Path) -> str:
    """Name the current generation."""
    path = ReadModels.of(LedgerFolder(folder)).current()
    return path.stem if path else ""


def fields(found: Preview) -> dict[str, int]:
    """Tell how many runs differ in each field."""
    return {field: count for one in found.projections for field, count in one.fields.items()}


def test_the_same_code_changes_nothing(folder: Path) -> None:
    """Nothing differs, and nothing is left or switched."""
    found = preview(folder, installed=OURS)

    assert found.equal
    assert (found.position, found.promoted) == (RUNS * 7 + 1, None)
    assert current(folder) == "000001"
    assert not (folder / "read-models" / "candidate").exists()


def test_a_new_version_is_compared_with_the_old_one(folder: Path) -> None:
    """By run and by field, although every other read would build the model anew."""
    found = preview(folder, installed=DEARER)

    costs, runs = found.projections
    assert fields(found) == {"costs.cost": RUNS, "costs.detail.prices.a": RUNS}
    assert (costs.old and costs.old.version, costs.new and costs.new.version) == (1, 2)
    assert runs.equal
    assert not found.equal
    assert preview(folder, given=[OtherCosts()], installed=OURS).equal
    assert current(folder) == "000001"


def test_a_given_projection_takes_the_place_of_its_name(folder: Path) -> None:
    """What is being written is compared with what is installed."""
    found = preview(folder, given=[DearerCosts()], installed=OURS)

    assert fields(found) == {"costs.cost": RUNS, "costs.detail.prices.a": RUNS}


def test_other_tables_are_compared_in_what_both_have(folder: Path) -> None:
    """A column more is said, and no value of the others differs."""
    costs = preview(folder, given=[WiderCosts()], installed=OURS).projections[0]

    assert costs.shape == ("new column costs.currency",)
    assert costs.fields == {}
    assert not costs.equal


def test_new_and_removed_projections_are_said(folder: Path) -> None:
    """One side alone has them; only what is there can differ, or be no more."""
    found = preview(folder, given=[OtherCosts()], installed=[RunRows()])

    costs, other, runs = found.projections
    assert (costs.projection, costs.new) == ("costs", None)
    assert (other.projection, other.old) == ("other", None)
    assert other.new is not None
    assert other.new.content.runs == RUNS
    assert runs.equal
    assert not found.equal


def test_a_projection_that_fails_is_named_with_the_position(folder: Path) -> None:
    """The live model stays, and the candidate is gone."""
    with pytest.raises(ProjectionFailed, match="position 27: LookupError"):
        preview(folder, given=[FaultyCosts()], installed=OURS)

    assert current(folder) == "000001"
    assert not (folder / "read-models" / "candidate").exists()


def test_promoting_switches_to_what_was_seen(folder: Path) -> None:
    """The candidate becomes the next generation, and is what the log comes to."""
    found = preview(folder, installed=DEARER, switch=True)

    assert found.promoted == current(folder) == "000002"
    assert preview(folder, installed=DEARER).equal
    assert check_deep(folder, projections=DEARER).equal


def test_promoting_takes_in_what_came_meanwhile(folder: Path) -> None:
    """Events appended while the candidate was folded are in it when it is switched to."""
    appended: list[bool] = []

    def append_once(_reached: int, _last: int) -> None:
        if not appended:
            appended.append(True)
            record(folder, range(RUNS, RUNS + 2), failing=[RUNS])
            catch_up(folder, Costs())

    found = preview(folder, installed=DEARER, switch=True, progress=append_once)

    assert found.position == RUNS * 7 + 1
    assert Projector(LogReader(folder), projections=DEARER).position() == (RUNS + 2) * 7 + 1
    assert check_deep(folder, projections=DEARER).equal


def test_a_mended_projection_is_whole_again_once_promoted(tmp_path: Path) -> None:
    """What the faulty one had parked is seen to be missing, then folded like all others."""
    folder = record(tmp_path / "runs", [0])
    catch_up(folder, FaultyCosts())
    catch_up(record(folder, [1], failing=[1]), FaultyCosts())
    assert [one.count for one in check_deep(folder, projections=FAULTY).degraded] == [1]

    found = preview(folder, installed=OURS, switch=True)

    assert fields(found) == {"costs.detail.failures": 1}
    assert check_deep(folder, projections=OURS).equal


def test_what_cannot_take_the_newest_events_is_not_promoted(tmp_path: Path) -> None:
    """A bug that only an event of the last minute meets keeps the live model where it is."""
    folder = record(tmp_path / "runs", range(2))
    catch_up(folder, Costs())
    appended: list[bool] = []

    def append_once(_reached: int, _last: int) -> None:
        if not appended:
            appended.append(True)
            record(folder, [2], failing=[2])

    with pytest.raises(ProjectionFailed, match="position 20"):
        preview(folder, installed=FAULTY, switch=True, progress=append_once)

    assert current(folder) == "000001"


def test_the_promoted_model_answers_at_once(tmp_path: Path) -> None:
    """A history that was open follows by itself, and sees the same runs."""
    alone = record(tmp_path / "runs", range(3))
    with RunHistory(alone) as history:
        before = history.dump()
        found = preview(alone, switch=True)

        assert found.equal
        assert history.dump() == before
        assert current(alone) == found.promoted == "000002"


@pytest.mark.parametrize("given", [OtherCosts(), DearerCosts()])
def test_what_is_not_installed_is_not_promoted(folder: Path, given: Projection[Any]) -> None:
    """Nobody could go on with it; it is refused before anything is folded."""
    with pytest.raises(ProjectionNotInstalled, match="entry-point group"):
        preview(folder, given=[given], installed=OURS, switch=True)

    assert current(folder) == "000001"


def test_what_is_installed_may_be_given_and_promoted(folder: Path) -> None:
    """Naming the installed class changes nothing."""
    assert preview(folder, given=[Costs()], installed=OURS, switch=True).promoted == "000002"


def test_names_that_clash_are_refused(folder: Path) -> None:
    """A projection whose tables could be those of another is no candidate."""

    class Clashing(Costs):
        name = "costs_more"

    with pytest.raises(ProjectionInvalid, match="could be those of costs"):
        preview(folder, given=[Clashing()], installed=OURS)


def test_there_must_be_a_model_to_compare_with(folder: Path) -> None:
    """None was built, or it is one that this version cannot read."""
    new = record(folder.with_name("new"), [1])
    with pytest.raises(NothingToCompare, match="runfold rebuild"):
        preview(new, installed=OURS)

    model = catch_up(new, Costs())
    change(model, "UPDATE checkpoint SET version = 1")
    with pytest.raises(NothingToCompare):
        preview(new, installed=OURS)

    change(model, "DROP TABLE checkpoint")
    with pytest.raises(NothingToCompare):
        preview(new, installed=OURS)
