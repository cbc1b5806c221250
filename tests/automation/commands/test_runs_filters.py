"""``runfold runs`` and ``show``: conditions, orders, pages and the past."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from automation.commands import main
from ledger import EventLog, LogReader
from ledger.plain_values import utc_text
from projections.failures.fingerprint import fingerprint_of
from tests.projections.payloads import annotated, began, done, ended, failed, started
from tests.projections.recorded import tell


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Give a log with three runs: positions 2 to 5, 6 to 9, 10 and 11, and a remark at 12."""
    folder = tmp_path / "runs"
    with EventLog.open(folder) as log:
        for event in (
            *tell(started(day=1), began("load"), done("load"), ended(), run_id="good"),
            *tell(
                started(pipeline="hourly", day=2),
                began("load"),
                failed("load"),
                ended("failed", 'No "ROWS"'),
                run_id="bad",
            ),
            *tell(started(), began("merge"), run_id="open"),
            *tell(annotated(team="data"), run_id="good"),
        ):
            log.append(event)
    return folder


def found(capfd: pytest.CaptureFixture[str], ledger: Path, *arguments: object) -> dict[str, Any]:
    """Give the JSON of a list."""
    assert main(["runs", "--dir", str(ledger), "--json", *map(str, arguments)]) == 0
    listed: dict[str, Any] = json.loads(capfd.readouterr().out)
    return listed


def ids(listed: dict[str, Any]) -> list[str]:
    """Name the runs of a list."""
    return [run["run_id"] for run in listed["runs"]]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--running"], ["open"]),
        (["--result", "running"], ["open"]),
        (["--result", "running", "--running"], ["open"]),
        (["--pipeline", "hourly"], ["bad"]),
        (["--stage", "load"], ["bad", "good"]),
        (["--failed-stage", "load"], ["bad"]),
        (["--fingerprint", fingerprint_of("load", "ValueError", "no rows")], ["bad"]),
        (["--fingerprint", fingerprint_of("merge", "ValueError", "no rows")], []),
        (["--metadata", "day=1", "--metadata", "team=data"], ["good"]),
        (["--metadata", "day=1", "--metadata", "team=ops"], []),
        (["--started-after", "2026-01-15T10:00:00Z"], ["open", "bad", "good"]),
        (["--started-before", "2026-01-15T12:00:00+02:00"], []),
        (["--started-before", "1d"], ["open", "bad", "good"]),
        (["--since", "1d"], []),
        (["--since", "2026-01-15", "--ended-before", "2026-01-16"], ["bad", "good"]),
        (["--ended-after", "2026-01-15T10:00:03Z"], ["bad", "good"]),
        (["--ended-before", "2026-01-15T10:00:03Z"], []),
        (["--since", "2026-01-15", "--started-before", "2026-01-15"], []),
        (["--duration-above", "7.5"], ["bad", "good"]),
        (["--duration-below", "7.5"], []),
        (["--reason", 'no "rows'], ["bad"]),
        (["--sort", "oldest"], ["good", "bad", "open"]),
        (["--sort", "shortest", "--result", "success"], ["good"]),
        (["--as-of", "9"], ["bad", "good"]),
        (["--as-of", "4", "--running"], ["good"]),
        (["--as-of", "11", "--metadata", "team=data"], []),
        (["--as-of", "1d"], []),
        (["--as-of", "2999-01-01", "--sort", "oldest"], ["good", "bad", "open"]),
    ],
    ids=" ".join,
)
def test_conditions_choose(
    ledger: Path, capfd: pytest.CaptureFixture[str], arguments: list[str], expected: list[str]
) -> None:
    """Each option is one condition, and all of them must hold."""
    assert ids(found(capfd, ledger, *arguments)) == expected


def test_pages_go_on_behind_a_key(ledger: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """JSON and the table both name it; the last page names none."""
    first = found(capfd, ledger, "--limit", 2)
    second = found(capfd, ledger, "--limit", 2, "--after", first["after"])
    assert (ids(first), ids(second), "after" in second) == (["open", "bad"], ["good"], False)

    assert main(["runs", "--dir", str(ledger), "--limit", "2"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[-2:] == [f"go on with --after {first['after']}", "2 of 3 runs; as of position 12"]


def test_the_past_can_be_named_by_its_time(ledger: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """As of the last position that was recorded by then."""
    recorded = next(event.recorded_at for event in LogReader(ledger).read(9))
    before = utc_text(recorded - timedelta(microseconds=1))

    assert ids(found(capfd, ledger, "--as-of", before)) == ["bad", "good"]
    assert main(["show", "--dir", str(ledger), "good", "--as-of", "4", "--json"]) == 0
    shown = json.loads(capfd.readouterr().out)
    assert (shown["result"], shown["last_position"], shown["liveness"]) == (None, 4, None)
    assert main(["show", "--dir", str(ledger), "open", "--as-of", "4"]) == 3
    assert main(["show", "--dir", str(ledger), "good", "--as-of", "1d12h"]) == 3
    assert main(["runs", "--dir", str(ledger), "--as-of", "13"]) == 3
    assert "does not reach position 13: its last is 12" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--after", "7"], "take it from the page before"),
        (["--sort", "longest", "--after", "start/unknown/7"], "not of a list"),
        (["--as-of", "yesterday"], "neither a position, nor a date, nor like 7d, nor a time"),
        (["--as-of", "9" * 19], "no log has so many positions"),
        (["--started-after", "2026-01-15T10:00"], "has no zone"),
        (["--ended-before", "soon"], "neither a date, nor like 7d, nor a time like"),
        (["--since", "1d", "--started-before", "2d"], "Z is before --started-after, which is 20"),
        (
            ["--ended-after", "2026-01-16", "--ended-before", "2026-01-15"],
            "--ended-before: 2026-01-15T00:00:00Z is before --ended-after, which is 2026-01-16T",
        ),
        (
            ["--duration-above", "5", "--duration-below", "2.5"],
            "--duration-below: 2.5 s is less than --duration-above, which is 5 s",
        ),
        (["--metadata", "day"], "is not name=value"),
        (["--running", "--result", "failed"], "goes on"),
        (["--reason", "x" * 1001], "longer than"),
        (["--sort", "best"], "best"),
    ],
    ids=ascii,
)
def test_what_cannot_be_asked_for_is_a_mistake(
    ledger: Path, capfd: pytest.CaptureFixture[str], arguments: list[str], reason: str
) -> None:
    """The message names what is wrong, and nothing is printed as data."""
    assert main(["runs", "--dir", str(ledger), *arguments]) == 2
    captured = capfd.readouterr()
    assert captured.out == ""
    assert reason in " ".join(captured.err.split())
