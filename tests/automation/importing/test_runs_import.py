"""Importing runs: the whole file or nothing, once and only once, and exactly what it says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from automation.errors import ImportRefused
from automation.importing.runs_import import ImportCounts, check_runs_file, import_runs
from automation.importing.summary_line import MAX_SUMMARY
from ledger import EventLog, LogReader
from ledger.events import RunImported
from projections import RunsFile
from tests.automation.summaries import as_line, summary, write_lines
from tests.ledger.examples import one_run, run_annotated
from tests.ledger.witness import assert_whole, snapshot


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a data folder that is not there yet."""
    return tmp_path / "runs"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give the path of a file to import."""
    return tmp_path / "old.jsonl"


def refusal_of(file: Path, **options: Any) -> ImportRefused:
    """Check a file that is not to be taken."""
    with pytest.raises(ImportRefused) as caught:
        check_runs_file(file, **options)
    return caught.value


def imported_lines(folder: Path) -> list[dict[str, Any]]:
    """Read the lines of imported runs with nothing but the standard library."""
    return [line for line in assert_whole(folder) if line["type"] == "run_imported"]


def test_each_run_becomes_one_event(folder: Path, file: Path) -> None:
    """The event holds the nine values and where they come from, and nothing else."""
    write_lines(file, [summary("a"), summary("b", ended_at=None, result=None)])

    counts = import_runs(folder, check_runs_file(file))

    assert counts == ImportCounts(lines=2, runs=2, imported=2, already_there=0)
    _, first, second = LogReader(folder).read()
    assert (first.run_id, first.sequence, second.run_id) == ("a", 1, "b")
    assert isinstance(first.data, RunImported)
    assert first.data.source == "old.jsonl"
    assert imported_lines(folder)[0]["data"]["summary"] == {
        **summary("a"),
        "ended_at": "2025-01-15T10:00:07.500000Z",
    }


def test_the_last_line_of_a_run_wins(folder: Path, file: Path) -> None:
    """A real end after a presumed one counts, in the place where it stands."""
    write_lines(file, [summary("a"), summary("b"), summary("a", result="success")])

    counts = import_runs(folder, check_runs_file(file))

    assert counts == ImportCounts(lines=3, runs=2, imported=2, already_there=0)
    results = [
        (line["run_id"], line["data"]["summary"]["result"]) for line in imported_lines(folder)
    ]
    assert results == [("b", "failed"), ("a", "success")]


def test_importing_again_adds_nothing(folder: Path, file: Path) -> None:
    """However the same values are written, and wherever they are said to come from."""
    write_lines(file, [summary("a"), summary("b")])
    import_runs(folder, check_runs_file(file))
    before = snapshot(folder)
    berlin = {"started_at": "2025-01-15T11:00:00", "ended_at": "2025-01-15T11:00:07.500000"}
    again = write_lines(
        file.with_name("again.jsonl"),
        [dict(reversed(summary("b").items())), summary("a"), summary("a", **berlin)],
    )

    counts = import_runs(
        folder, check_runs_file(again, zone=ZoneInfo("Europe/Berlin"), source="elsewhere")
    )

    assert counts == ImportCounts(lines=3, runs=2, imported=0, already_there=2)
    assert snapshot(folder) == before


def test_an_import_that_was_cut_off_is_finished(folder: Path, file: Path) -> None:
    """Only what is missing is appended, also when the file has grown since."""
    write_lines(file, [summary(f"r{number}") for number in range(3)])
    import_runs(folder, check_runs_file(file))
    with EventLog.open(folder) as log:
        log.append(run_annotated("r1"))
    write_lines(file, [summary(f"r{number}") for number in range(200)])
    told: list[int] = []

    counts = import_runs(folder, check_runs_file(file), progress=told.append)

    assert counts == ImportCounts(lines=200, runs=200, imported=197, already_there=3)
    assert [line["run_id"] for line in imported_lines(folder)] == [f"r{n}" for n in range(200)]
    assert told == [67, 131, 195, 200]


def test_an_empty_file_makes_no_ledger(folder: Path, file: Path) -> None:
    """Where there is nothing to take, nothing is made."""
    write_lines(file, [])

    assert import_runs(folder, check_runs_file(file)) == ImportCounts(0, 0, 0, 0)
    assert not folder.exists()


def test_a_line_without_its_newline_is_read(folder: Path, file: Path) -> None:
    """Files that people edit may end so; one that was cut in the middle of a line is refused."""
    file.write_bytes(as_line(summary("a")) + b"\r\n" + as_line(summary("b")))
    assert import_runs(folder, check_runs_file(file)).imported == 2

    file.write_bytes(as_line(summary("c")) + b"\n" + as_line(summary("d"))[:-5])
    assert [line.number for line in refusal_of(file).lines] == [2]


def test_one_bad_line_and_nothing_is_taken(folder: Path, file: Path) -> None:
    """The file is checked to its end first; the error names each bad line and why."""
    write_lines(
        file, [summary("a"), b"{", summary("b"), summary("c", retry_count=-1), b"", summary("d")]
    )

    refused = refusal_of(file)

    assert [line.number for line in refused.lines] == [2, 4, 5]
    assert refused.lines[1].reason.startswith("retry_count: ")
    assert "line 2: column 2: not JSON" in str(refused)
    assert "nothing was taken" in str(refused)
    assert not folder.exists()


def test_the_first_20_bad_lines_are_listed(file: Path) -> None:
    """All are counted, so that one knows what is left."""
    write_lines(file, [summary("a"), *[b"no"] * 30])

    refused = refusal_of(file)

    assert [line.number for line in refused.lines] == list(range(2, 22))
    assert refused.total == 30
    assert str(refused).endswith("; and 10 more")


def test_a_line_that_is_too_long_is_passed_over(file: Path) -> None:
    """It is never read into memory whole, and the lines behind it keep their numbers."""
    write_lines(file, [b" " * (5 * MAX_SUMMARY), summary("a"), b"[" * (MAX_SUMMARY + 1), b"no"])

    refused = refusal_of(file)

    assert [line.number for line in refused.lines] == [1, 3, 4]
    assert refused.lines[0].reason == f"size: more than {MAX_SUMMARY} bytes"


def test_a_run_too_large_for_an_event_is_refused(file: Path) -> None:
    """Metadata is never shortened; the error names the line, the size and the limit."""
    write_lines(file, [summary("a"), summary("b", metadata={"x": "x" * 70_000})])

    (line,) = refusal_of(file).lines

    assert line.number == 2
    assert "the limit is 65535" in line.reason


def test_a_long_failure_reason_is_shortened(folder: Path, file: Path) -> None:
    """It is as any other text of an error, and importing it again still adds nothing."""
    write_lines(file, [summary("a", failure_reason="begin" + "x" * 70_000 + "end")])

    assert import_runs(folder, check_runs_file(file)).imported == 1
    assert import_runs(folder, check_runs_file(file)).already_there == 1
    reason = imported_lines(folder)[0]["data"]["summary"]["failure_reason"]
    assert reason.startswith("beginx")
    assert reason.endswith("xend")
    assert "characters cut" in reason


def test_naive_times_need_a_zone(folder: Path, file: Path) -> None:
    """The error names the line; with the zone, the moment is the right one."""
    naive = {"started_at": "2025-07-15T10:00:00", "ended_at": "2025-07-15T10:00:01.25"}
    write_lines(file, [summary("a"), summary("b", **naive)])

    (line,) = refusal_of(file).lines
    assert (line.number, "--timezone" in line.reason) == (2, True)

    import_runs(folder, check_runs_file(file, zone=ZoneInfo("Europe/Berlin")))
    stored = imported_lines(folder)[1]["data"]["summary"]
    assert stored["started_at"] == "2025-07-15T08:00:00Z"


@pytest.mark.parametrize("moment", ["2025-10-26T02:30:00", "2025-03-30T02:30:00"])
def test_a_time_of_a_clock_change_names_its_line(file: Path, moment: str) -> None:
    """It is not guessed which of two hours was meant, or what a skipped one stands for."""
    write_lines(file, [summary("a"), summary("b", started_at=moment, ended_at=None)])

    (line,) = refusal_of(file, zone=ZoneInfo("Europe/Berlin")).lines

    assert line.number == 2
    assert "give it with its offset" in line.reason


@pytest.fixture
def filled(folder: Path) -> Iterator[Path]:
    """Give a ledger that has recorded a run and imported another."""
    with EventLog.open(folder) as log:
        log.append_batch(one_run("native"))
    file = write_lines(folder.with_name("first.jsonl"), [summary("there")])
    import_runs(folder, check_runs_file(file))
    yield folder
    assert_whole(folder)


def test_a_run_that_the_log_holds_otherwise_is_refused(filled: Path, file: Path) -> None:
    """Nothing is taken, not even of the lines before; the error names the line that wins."""
    write_lines(
        file,
        [
            summary("new"),
            summary("native"),
            summary("there", retry_count=7),
            summary("native", result="success"),
        ],
    )
    before = snapshot(filled)

    with pytest.raises(ImportRefused) as caught:
        import_runs(filled, check_runs_file(file))

    assert {line.number: line.reason for line in caught.value.lines} == {
        3: "run there was imported before, with other values",
        4: "run native was recorded in this ledger itself",
    }
    assert snapshot(filled) == before


def test_a_file_of_a_ledger_is_not_imported_into_itself(tmp_path: Path) -> None:
    """Its runs are there already, as they were recorded."""
    folder = tmp_path / "runs"
    with EventLog.open(folder) as log:
        log.append_batch(one_run("native"))
    RunsFile(folder).catch_up()

    with pytest.raises(ImportRefused, match="recorded in this ledger itself"):
        import_runs(folder, check_runs_file(folder / "runs.jsonl"))
