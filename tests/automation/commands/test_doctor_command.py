"""``runfold doctor``: what it finds in real folders."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ledger import EventLog, NewEvent, RunContext
from tests.automation.commands.in_process import Answer, CommandLine
from tests.ledger.damage import flip, last_segment
from tests.ledger.witness import snapshot
from tests.projections.ledgers import forge
from tests.projections.payloads import began, ended, started
from tests.projections.read_model.test_read_only_folder import read_only
from tests.projections.recorded import tell


@pytest.fixture
def doctor(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> CommandLine:
    """Give the command line on a sound ledger, whose read model is up to date."""
    with EventLog.open(tmp_path / "runs") as log:
        RunContext.start(log, pipeline="nightly", run_id="a").end("success")
    command_line = CommandLine(tmp_path / "runs", capfd)
    command_line("runs")
    return command_line


def states(answer: Answer) -> dict[str, str]:
    """Give how each thing stands: at its worst, where it is told of twice."""
    found: dict[str, str] = {}
    for symptom in answer.json["symptoms"]:
        found[symptom["about"]] = max(found.get(symptom["about"], ""), symptom["state"])
    return found


def test_a_sound_folder_is_healthy(doctor: CommandLine) -> None:
    """Exit 0 and a page for people; the log and its views stay as they are, byte for byte."""
    before = snapshot(doctor.folder)

    answer = doctor("doctor", "--verify")

    assert (answer.code, answer.err) == (0, "")
    lines = answer.out.splitlines()
    assert lines[0].split()[:4] == ["fine", "log", "3", "events,"]
    assert "all sound: 3 events of 1 run" in [line[22:] for line in lines]
    assert lines[-1] == f"nothing is wrong: {doctor.folder}, as of position 3"
    assert {k: v for k, v in snapshot(doctor.folder).items() if k in before} == before


def test_json_tells_the_same(doctor: CommandLine) -> None:
    """Each thing with its state, what was found and what to do."""
    answer = doctor("doctor", "--json")

    assert answer.code == 0
    assert answer.json["healthy"] is True
    assert answer.json["position"] == 3
    assert states(answer)["log"] == states(answer)["read model"] == "fine"
    assert list(answer.json["symptoms"][0]) == ["about", "state", "found", "advice"]


def test_a_torn_tail_is_no_damage(doctor: CommandLine) -> None:
    """It is told, and so is where recovery has put it."""
    with last_segment(doctor.folder).open("ab") as file:
        file.write(b'{"position":4,')
    answer = doctor("doctor", "--json")
    assert (answer.code, states(answer)["durable mark"]) == (0, "note")

    EventLog.open(doctor.folder).close()

    answer = doctor("doctor", "--json")
    assert (answer.code, states(answer)["quarantine"]) == (0, "note")
    assert (states(answer)["durable mark"], states(answer)["read model"]) == ("fine", "note")


def test_damage_is_wrong(doctor: CommandLine) -> None:
    """With exit 1, whether it is in the lines or in who the ledger is."""
    flip(last_segment(doctor.folder), 900)
    answer = doctor("doctor", "--verify", "--json")
    assert (answer.code, states(answer)["log"], states(answer)["verify"]) == (1, "wrong", "wrong")

    (doctor.folder / "ledger.json").unlink()
    answer = doctor("doctor")
    assert answer.code == 1
    assert "put ledger.json back" in answer.out
    assert answer.out.splitlines()[-1].split()[1:4] == ["things", "are", "wrong:"]


def test_a_clock_behind_the_log_is_wrong(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """And so is a run that fell silent long ago; one that ended is not."""
    long_ago = [*tell(started(), began("load"), run_id="silent"), *tell(started(), ended())]
    forge(tmp_path / "old", long_ago)
    forge(
        tmp_path / "ahead", [NewEvent(started(), "a", occurred_at=datetime(2999, 1, 1, tzinfo=UTC))]
    )
    old, ahead = CommandLine(tmp_path / "old", capfd), CommandLine(tmp_path / "ahead", capfd)
    old("runs")

    assert {k for k, v in states(old("doctor", "--json")).items() if v == "wrong"} == {"runs"}
    assert "presumed dead, without an end: silent" in old("doctor").out
    assert states(ahead("doctor", "--json"))["clock"] == "wrong"


def test_a_read_only_folder_can_be_looked_at(doctor: CommandLine) -> None:
    """Nothing in it changes, with its model or without."""
    shutil.rmtree(doctor.folder / "read-models")
    before = snapshot(doctor.folder)
    with read_only(doctor.folder):
        answer = doctor("doctor", "--json")

    assert answer.code == 0
    assert states(answer)["log"] == "fine"
    assert snapshot(doctor.folder) == before


def test_without_a_ledger_there_is_nothing_to_look_at(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Exit 3; an empty ledger is healthy."""
    nothing = CommandLine(tmp_path / "none", capfd)
    assert nothing("doctor").code == 3
    EventLog.open(tmp_path / "none").close()

    assert nothing("doctor").code == 0
