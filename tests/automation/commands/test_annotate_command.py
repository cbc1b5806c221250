"""``runfold annotate``: a remark on a run, at any time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.commands.annotate_command import parse_value
from ledger import EventLog, LogReader, RunContext
from projections import RunHistory
from tests.automation.commands.in_process import CommandLine


@pytest.fixture
def command_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> CommandLine:
    """Give the command line on a ledger with three runs, two of them alike."""
    with EventLog.open(tmp_path / "runs") as log:
        for name in ("20260115-full", "20260116-a", "20260116-b"):
            metadata = {"team": "data", "day": 15}
            RunContext.start(log, pipeline="p", run_id=name, metadata=metadata).end("success")
    return CommandLine(tmp_path / "runs", capfd)


def test_metadata_and_a_note_are_added(command_line: CommandLine) -> None:
    """To a run that has ended, too; the event says who, and the command where it lies."""
    answer = command_line(
        "annotate",
        "20260115",
        "team=ops",
        "rows=7",
        'seen={"by": ["a=b"]}',
        "note=x=y",
        "--note",
        "looked at it",
        "--actor",
        "anna",
    )

    position = LogReader(command_line.folder).position
    assert (answer.code, answer.err) == (0, "")
    assert answer.out == f"20260115-full annotated at position {position}\n"
    with RunHistory(command_line.folder) as history:
        run = history.get_run("20260115-full")
    assert run is not None
    assert run.metadata == {
        "team": "ops",
        "day": 15,
        "rows": 7,
        "seen": {"by": ["a=b"]},
        "note": "x=y",
    }
    (note,) = run.notes
    assert (note.note, note.actor, note.position) == ("looked at it", "anna", position)
    assert run.result == "success"


def test_a_note_alone_will_do(command_line: CommandLine) -> None:
    """The actor is the user then; JSON gives the run and the position."""
    answer = command_line("annotate", "20260116-a", "--note", "seen", "--json")

    position = LogReader(command_line.folder).position
    assert answer.json == {"run_id": "20260116-a", "position": position}
    with RunHistory(command_line.folder) as history:
        run = history.get_run("20260116-a")
    assert run is not None
    assert run.notes[0].actor


def test_explain_says_which_key_came_from_where(command_line: CommandLine) -> None:
    """Each key by itself, with what was overwritten."""
    command_line("annotate", "20260115", "team=ops", "rows=7", "--actor", "anna")
    command_line("annotate", "20260115", "rows=8", "--actor", "anna")
    last = LogReader(command_line.folder).position

    table = command_line("explain", "20260115", "metadata").out.splitlines()
    (field,) = command_line("explain", "20260115", "metadata", "--json").json["fields"]

    assert [line.split() for line in table[2:5]] == [
        ["team", '"ops"', str(last - 1), "2"],
        ["day", "15", "2"],
        ["rows", "8", str(last), str(last - 1)],
    ]
    assert field["set_by"] == [2, last - 1, last]
    assert field["parts"] == [
        {"part": ".day", "set_by": 2, "overwritten": []},
        {"part": ".team", "set_by": last - 1, "overwritten": [2]},
        {"part": ".rows", "set_by": last, "overwritten": [last - 1]},
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["20260117", "a=1"], 3, "there is no run '20260117'"),
        (["20260116", "a=1"], 2, "several runs begin with '20260116'"),
        (["../x", "a=1"], 2, "is not one"),
        (["20260115"], 2, "give metadata, a --note, or both"),
        (["20260115", "--note", " "], 2, "give metadata, a --note, or both"),
        (["20260115", "a"], 2, "'a' is not name=value"),
        (["20260115", "a=1", "a=2"], 2, "a is given twice"),
    ],
)
def test_what_cannot_be_added_is_told(
    command_line: CommandLine, arguments: list[str], code: int, said: str
) -> None:
    """Nothing is appended then."""
    before = LogReader(command_line.folder).position

    answer = command_line("annotate", *arguments)

    assert (answer.code, answer.out) == (code, "")
    assert said in answer.err
    assert LogReader(command_line.folder).position == before


def test_no_ledger_is_made(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Where there is none, there is no run either."""
    answer = CommandLine(tmp_path / "runs", capfd)("annotate", "x", "a=1")

    assert answer.code == 3
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7),
        ("-1.5", -1.5),
        ("true", True),
        ("null", None),
        ('"7"', "7"),
        ("[1]", [1]),
        ("", ""),
        ("text", "text"),
        ("1.2.3", "1.2.3"),
        ("NaN", "NaN"),
        ("1e400", "1e400"),
        ("123456789012345678901234", "123456789012345678901234"),
        ('{"a": 1, "a": 2}', '{"a": 1, "a": 2}'),
        ("[" * 100 + "]" * 100, "[" * 100 + "]" * 100),
        ("007", "007"),
    ],
)
def test_a_value_is_json_if_it_can_be(text: str, value: Any) -> None:
    """What the log would refuse as JSON is text."""
    assert parse_value(text) == value


@given(st.text())
def test_any_text_is_a_value(text: str) -> None:
    """Either what it says as JSON, or itself."""
    value = parse_value(text)

    assert value == text or not isinstance(value, str) or text.strip().startswith('"')
