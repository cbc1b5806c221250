"""``runfold backup``: a verified copy, and a clear word where it cannot be one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from automation.commands import main
from tests.ledger.damage import flip
from tests.ledger.damaged_logs import make_log
from tests.ledger.witness import raw_lines, segments_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a log of several segments."""
    return make_log(tmp_path / "runs")


def test_it_says_what_was_copied(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The second time nothing is left to copy."""
    target = str(folder.parent / "copy")
    size = sum(path.stat().st_size for path in segments_of(folder))
    events = len(raw_lines(folder))

    for copied, kept in ((size, 0), (0, size)):
        assert main(["backup", target, "--dir", str(folder)]) == 0
        said = capfd.readouterr().out
        assert said == (
            f"sound copy up to position {events}: {copied} bytes copied, {kept} were there\n"
        )
    assert main(["verify", "--dir", target]) == 0


def test_a_damaged_copy_is_no_success(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Exit 4, with what is wrong on stderr and in the JSON."""
    flip(segments_of(folder)[1], 500)
    target = str(folder.parent / "copy")

    assert main(["backup", target, "--dir", str(folder)]) == 4
    assert "damaged: " in capfd.readouterr().err
    assert main(["backup", target, "--json", "--dir", str(folder)]) == 4
    assert json.loads(capfd.readouterr().out)["verification"]["sound"] is False


def test_another_ledger_is_never_overwritten(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Exit 1, and it says which ledger is there."""
    other = make_log(folder.parent / "other", 1)

    assert main(["backup", str(other), "--dir", str(folder)]) == 1

    assert "it holds the ledger" in capfd.readouterr().err
