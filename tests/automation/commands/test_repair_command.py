"""``runfold repair``: never by itself, and it says what it does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from automation.commands import main
from ledger import LogReader
from ledger.events import LedgerRepaired
from tests.automation.commands.processes import runfold
from tests.ledger.damage import flip, last_segment
from tests.ledger.damaged_logs import make_log
from tests.ledger.witness import segments_of, snapshot


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a log of several segments, one of which is damaged."""
    folder = make_log(tmp_path / "runs")
    flip(segments_of(folder)[1], 500)
    return folder


def test_it_does_nothing_unless_somebody_says_so(folder: Path) -> None:
    """Where nobody can be asked, it shows what it would do, and ends as wrong usage."""
    before = snapshot(folder)

    done = runfold("repair", "--dir", folder, cwd=folder.parent)

    assert done.returncode == 2
    assert done.stdout == ""
    passed, asked = done.stderr.splitlines()
    assert passed.startswith("passed over: position ")
    assert "--yes" in asked
    assert snapshot(folder) == before


def test_it_records_who_and_why(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The event says so, and where it lies is the result."""
    asked = ["--yes", "--actor", "anna", "--why", "bad disk", "--dir", str(folder)]

    assert main(["repair", *asked]) == 0

    last = list(LogReader(folder).read())[-1]
    assert isinstance(last.data, LedgerRepaired)
    assert (last.data.actor, last.data.reason) == ("anna", "bad disk")
    assert capfd.readouterr().out == f"repaired: ledger_repaired at position {last.position}\n"


def test_a_sound_log_is_left_alone(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """It says so, asks nothing, and writes nothing."""
    folder = make_log(tmp_path / "sound")
    before = snapshot(folder)

    assert main(["repair", "--dir", str(folder)]) == 0

    assert "nothing was written" in capfd.readouterr().out
    assert snapshot(folder) == before


def test_it_says_which_positions_are_given_out_again(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """And that tree heads signed over them will show it."""
    last_segment(folder).unlink()

    assert main(["repair", "--yes", "--dir", str(folder)]) == 0

    assert "every tree head signed over them" in capfd.readouterr().err


def test_json_holds_the_ranges(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Everything is in one JSON value on stdout."""
    assert main(["repair", "--yes", "--json", "--dir", str(folder)]) == 0

    out, err = capfd.readouterr()
    done = json.loads(out)
    assert err == ""
    assert done["position"] == LogReader(folder).position
    assert len(done["skipped"]) == 1
