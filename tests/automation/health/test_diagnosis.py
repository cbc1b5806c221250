"""A data folder is diagnosed whatever lies in the places of its files."""

from __future__ import annotations

from pathlib import Path

import pytest

from automation.health.diagnosis import diagnose
from automation.health.symptom import State
from ledger import EventLog
from projections import RunHistory
from tests.ledger.damage import copy_of, put_instead
from tests.ledger.examples import run_started

SEGMENT = "00000000000000000001.jsonl"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Record a run, and build the read model."""
    folder = tmp_path_factory.mktemp("diagnosis") / "runs"
    with EventLog.open(folder) as log:
        log.append(run_started("a"))
    RunHistory(folder).list_runs()
    return folder


@pytest.mark.parametrize("kind", ["folder", "pipe"])
@pytest.mark.parametrize("name", ["lock", "ledger.json", f"events/{SEGMENT}"])
def test_what_is_no_file_is_named_and_not_waited_for(sound: Path, name: str, kind: str) -> None:
    """The symptom says which file it is, and what lies in its place."""
    folder = copy_of(sound, "harmed")
    put_instead(folder / name, kind)

    found = [item.found for item in diagnose(folder).symptoms if item.state is State.WRONG]

    assert any(Path(name).name in said and f"a {kind}" in said for said in found)


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_a_read_model_whose_pointer_is_no_file_counts_as_none(sound: Path, kind: str) -> None:
    """It can be built anew, so nothing is wrong."""
    folder = copy_of(sound, "harmed")
    put_instead(folder / "read-models" / "current", kind)

    found = {item.about: item.found for item in diagnose(folder).symptoms}

    assert found["read model"].startswith("there is none")
