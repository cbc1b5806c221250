"""``runfold failures`` and ``runfold ack``: what fails, and that somebody has looked at it."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest

from ledger import EventLog, LogReader, RunContext
from ledger.disk.folder import LedgerFolder
from projections import RunHistory
from projections.failures.by_fingerprint import list_failures
from tests.automation.commands.in_process import CommandLine
from tests.ledger.damage import flip


def fail(folder: Path, number: int, *, version: str = "1.0") -> None:
    """Record a run whose stage fails on JSON, one that fails outside, and one that passes."""
    with EventLog.open(folder) as log:

        def start() -> RunContext:
            return RunContext.start(log, pipeline="nightly", code_version=version)

        with contextlib.suppress(ValueError), start() as run, run.stage("load"):
            json.loads(f'{{"day": "{number}", ')
        with contextlib.suppress(ValueError), start():
            raise ValueError(f"outside\x1b[31m {number}")
        with start() as run, run.stage("load"):
            pass


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a ledger with two kinds of failures, seen twice each."""
    folder = tmp_path / "runs"
    for number in range(2):
        fail(folder, number)
    return folder


@pytest.fixture
def command_line(folder: Path, capfd: pytest.CaptureFixture[str]) -> CommandLine:
    """Give the command line on that ledger."""
    return CommandLine(folder, capfd)


def fingerprints(folder: Path) -> list[str]:
    """Give the fingerprints there are, the last seen first."""
    with RunHistory(folder) as history:
        return [group.fingerprint for group in list_failures(history, every=True).groups]


def test_each_kind_of_failure_is_a_row(command_line: CommandLine, folder: Path) -> None:
    """Counted, with what it last said; nothing in it acts on the terminal."""
    answer = command_line("failures")

    assert (answer.code, answer.err) == (0, "")
    head, outside, load, footer = answer.out.splitlines()
    assert head.split()[:3] == ["fingerprint", "failures", "runs"]
    assert outside.split()[0] == fingerprints(folder)[0]
    assert outside.endswith("ValueError: outside\\x1b[31m 1")
    assert load.split()[1:3] == ["2", "2"]
    assert " nightly   load   open   JSONDecodeError: Expecting property name" in load
    assert footer == f"2 kinds of failures; as of position {LogReader(folder).position}"
    assert "\x1b" not in answer.out


def test_json_is_what_python_gives(command_line: CommandLine, folder: Path) -> None:
    """With the position and what is not listed."""
    with RunHistory(folder) as history:
        expected = list_failures(history, limit=1)

    answer = command_line("failures", "--json", "--limit", 1)

    assert answer.json == expected.model_dump(mode="json")
    assert (answer.json["total"], len(answer.json["groups"])) == (2, 1)


def test_only_some_are_listed(command_line: CommandLine, folder: Path) -> None:
    """By time, by pipeline, and by what is new."""
    fail(folder, 7, version="2.0")

    def total(*arguments: str) -> int:
        answer = command_line("failures", "--json", *arguments)
        assert answer.code == 0
        found: int = answer.json["total"]
        return found

    assert total("--since", "1h") == total("--since", "2020-01-01") == 2
    assert total("--since", "2999-01-01T00:00:00+01:00") == 0
    assert total("--pipeline", "hourly") == 0
    assert total("--new-since", "7d") == 2
    assert total("--new-since", "1.0") == 2
    assert total("--new-since", "2.0") == total("--new-since", "unknown") == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--since", "yesterday"], "--since: 'yesterday' is neither a date"),
        (["--since", "2026-01-15T10:00:00"], "has no zone"),
        (["--new-since", "2026-01-15T10:00:00"], "has no zone"),
        (["--limit", "0"], "--limit"),
    ],
)
def test_what_cannot_be_asked_for_is_told(
    command_line: CommandLine, arguments: list[str], said: str
) -> None:
    """With the exit code of a wrong usage."""
    answer = command_line("failures", *arguments)

    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err


def test_an_empty_ledger_has_none(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """That is an answer; a folder without a ledger is not there."""
    command_line = CommandLine(tmp_path / "runs", capfd)
    assert command_line("failures").code == 3
    with EventLog.open(tmp_path / "runs"):
        pass

    answer = command_line("failures")

    assert (answer.code, answer.out) == (0, "0 kinds of failures; as of position 1\n")


def test_an_acknowledged_failure_is_shown_when_all_are(
    command_line: CommandLine, folder: Path
) -> None:
    """An acknowledgement is an event; who and what is shown until it is void, and then, too."""
    first, second = fingerprints(folder)

    answer = command_line("ack", second[:12], "--note", "see\nT-1\x1b", "--actor", "anna")

    position = LogReader(folder).position
    assert (answer.code, answer.err) == (0, "")
    assert answer.out == f"{second} acknowledged at position {position}\n"
    (event,) = LogReader(folder).read(position - 1)
    assert (event.type, event.run_id) == ("failure_acknowledged", None)
    listed = command_line("failures").out
    assert first in listed
    assert second not in listed
    assert "1 kind of failure; 1 acknowledged not shown (--all)" in listed
    assert "acknowledged: see T-1\\x1b (anna)" in command_line("failures", "--all").out
    fail(folder, 3)
    fail(folder, 4)
    assert "back after: see T-1\\x1b (anna)" in command_line("failures").out


def test_the_user_acknowledges_where_nobody_is_named(
    command_line: CommandLine, folder: Path
) -> None:
    """The position is given as JSON, too."""
    fingerprint = fingerprints(folder)[0]

    answer = command_line("ack", fingerprint, "--note", "known", "--json")

    position = LogReader(folder).position
    assert answer.json == {"fingerprint": fingerprint, "position": position}
    with RunHistory(folder) as history:
        said = list_failures(history, every=True).groups[0].acknowledgement
    assert said is not None
    assert (said.note, said.position) == ("known", position)
    assert said.actor


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["", "--note", "x"], 3, "there is no failure ''"),
        (["zz", "--note", "x"], 3, "there is no failure 'zz'"),
        (["%", "--note", "x"], 3, "there is no failure '%'"),
        (["zz"], 2, "--note"),
    ],
)
def test_what_cannot_be_acknowledged_is_told(
    command_line: CommandLine, folder: Path, arguments: list[str], code: int, said: str
) -> None:
    """Nothing is appended then."""
    before = LogReader(folder).position

    answer = command_line("ack", *arguments)

    assert (answer.code, answer.out) == (code, "")
    assert said in answer.err
    assert LogReader(folder).position == before


def test_a_beginning_of_several_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """They are named, so that more of it can be given."""
    folder = tmp_path / "runs"
    with EventLog.open(folder, durability="process") as log:
        for number in range(17):
            with contextlib.suppress(ValueError), RunContext.start(log, pipeline="p"):
                raise ValueError("o" * number)
    digits = [fingerprint[0] for fingerprint in fingerprints(folder)]
    (several, *_) = [digit for digit in digits if digits.count(digit) > 1]

    answer = CommandLine(folder, capfd)("ack", several, "--note", "x")

    assert answer.code == 2
    assert f"several failures begin with '{several}'" in answer.err


def test_runs_are_chosen_by_the_beginning_of_a_fingerprint(
    command_line: CommandLine, folder: Path
) -> None:
    """In a list and in an export; what is none is told, and a whole one may have no runs."""
    with RunHistory(folder) as history:
        fingerprint = list_failures(history).groups[0].fingerprint

    whole = command_line("runs", "--json", "--fingerprint", fingerprint)
    begun = command_line("runs", "--json", "--fingerprint", fingerprint[:12])
    exported = command_line("export", "--format", "jsonl", "--fingerprint", fingerprint[:12])
    unknown = command_line("runs", "--fingerprint", "zz")
    never = command_line("runs", "--json", "--fingerprint", "0" * 16)

    assert begun.json == whole.json
    assert len(exported.out.splitlines()) == len(whole.json["runs"]) == 2
    assert (unknown.code, unknown.out) == (3, "")
    assert "there is no failure 'zz'" in unknown.err
    assert (never.code, never.json["runs"]) == (0, [])


def test_a_note_says_something(command_line: CommandLine, folder: Path) -> None:
    """Blanks are no note."""
    answer = command_line("ack", fingerprints(folder)[0], "--note", "  ")

    assert answer.code == 2
    assert "--note: says nothing" in answer.err


def test_damage_is_told_with_the_answer(command_line: CommandLine, folder: Path) -> None:
    """What can be read is listed, and the exit code is that of a damaged log."""
    segment = LedgerFolder(folder).segment(1)
    flip(segment, segment.stat().st_size - 200)

    answer = command_line("failures")

    assert answer.code == 4
    assert "2 kinds of failures" in answer.out
    assert "out of reach" in answer.err
