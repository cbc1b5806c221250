"""``runfold verify``, and what the reading commands say of a damaged log."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from automation.commands import main
from ledger import EventLog, LogReader, RunContext
from ledger.evidence.tree_head import current_tree_head
from tests.ledger.damage import copy_of, flip
from tests.ledger.damaged_logs import make_log
from tests.ledger.witness import raw_lines, segments_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a log of several segments."""
    return make_log(tmp_path / "runs")


def test_a_sound_log_is_said_to_be_sound(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Exit 0, one line for the whole and one for the root, and nothing on stderr.

    The root is there as JSON has it and as a tree head has it, to be compared with either.
    """
    assert main(["verify", "--dir", str(folder)]) == 0

    out, err = capfd.readouterr()
    events = len(raw_lines(folder))
    head = current_tree_head(LogReader(folder))
    root = f"{head.root.hex()}, in a tree head {head.text.splitlines()[2]}"
    assert out == f"sound: {events} events of 8 runs in 6 segments\nroot: {root}\n"
    assert err == ""


def test_one_run_in_one_segment_is_counted_as_one(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The smallest log is spoken of like any other."""
    with EventLog.open(tmp_path) as log, RunContext.start(log, pipeline="nightly"):
        pass
    assert main(["verify", "--dir", str(tmp_path)]) == 0
    assert capfd.readouterr().out.startswith("sound: 3 events of 1 run in 1 segment\nroot: ")


def test_each_flaw_is_one_line_with_its_place(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Exit 4; segment, line, position, byte, what is wrong in words, and what to do next."""
    segment = segments_of(folder)[1]
    flip(segment, 500)

    assert main(["verify", "--dir", str(folder)]) == 4

    out, err = capfd.readouterr()
    first, *_ = out.splitlines()
    assert first.startswith(f"damaged: {segment.name}, line 1, position {int(segment.stem)},")
    assert ": crc: the line was changed: its bytes come to crc " in first
    assert "copy the whole folder first; then runfold repair" in err


def test_a_list_cannot_know_of_damage_below_its_model(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A copy that came with a read model is damaged: lists are as before; lines and verify tell.

    Without the model, which may always be deleted, the list is folded from the lines, and tells.
    """
    assert main(["runs", "--dir", str(folder)]) == 0
    before, _ = capfd.readouterr()
    copy = copy_of(folder, "copy")
    flip(segments_of(copy)[1], 500)

    assert main(["runs", "--dir", str(copy)]) == 0
    assert capfd.readouterr() == (before, "")
    assert main(["replay", "--dir", str(copy)]) == 4
    assert main(["verify", "--dir", str(copy)]) == 4
    shutil.rmtree(copy / "read-models")
    assert main(["runs", "--dir", str(copy)]) == 4


def test_what_lies_in_the_log_cannot_move_the_cursor(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Damaged bytes are shown as escapes."""
    segment = segments_of(folder)[1]
    segment.write_bytes(b"\x1b[2J\xff\n" + segment.read_bytes())

    assert main(["verify", "--dir", str(folder)]) == 4

    assert "\x1b" not in capfd.readouterr().out


def test_json_holds_the_same(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Findings and ranges as JSON, on stdout alone."""
    flip(segments_of(folder)[1], 500)

    assert main(["verify", "--json", "--jobs", "2", "--dir", str(folder)]) == 4

    out, err = capfd.readouterr()
    found = json.loads(out)
    assert err == ""
    assert found["sound"] is False
    assert [finding["kind"] for finding in found["findings"]] == ["crc"]
    assert found["out_of_reach"][0]["first"] == found["findings"][0]["position"]


def test_a_missing_folder_is_not_found(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Exit 3, and the absolute path is said."""
    assert main(["verify", "--dir", str(tmp_path / "no")]) == 3
    assert str(tmp_path / "no") in capfd.readouterr().err


@pytest.mark.parametrize("command", [["runs"], ["runs", "--json"], ["show", "run-5"]])
def test_reading_commands_say_what_is_out_of_reach(
    folder: Path, command: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    """The data that is sound on stdout, a line for each range on stderr, and exit 4."""
    segment = segments_of(folder)[1]
    flip(segment, 500)

    for _ in range(2):
        assert main([*command, "--dir", str(folder)]) == 4

        out, err = capfd.readouterr()
        assert "run-5" in out
        assert err.startswith(f"runfold: out of reach: position {int(segment.stem)} (")
        assert len(err.splitlines()) == 1


def test_after_a_repair_reading_commands_are_content(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """What a person has seen and passed over is not told again."""
    flip(segments_of(folder)[1], 500)
    assert main(["runs", "--dir", str(folder)]) == 4
    assert main(["repair", "--yes", "--dir", str(folder)]) == 0
    capfd.readouterr()

    assert main(["runs", "--dir", str(folder)]) == 0
    assert main(["verify", "--dir", str(folder)]) == 0

    assert "note: " in capfd.readouterr().out
