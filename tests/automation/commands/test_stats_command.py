"""``runfold stats``: figures of pipelines and stages, what was slow, what is flaky."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ledger import NewEvent
from projections import RunHistory
from projections.statistics.over_time import statistics
from projections.testing import lines_of, write_log
from tests.automation.commands.in_process import CommandLine
from tests.projections.payloads import began, done, ended, failed, started
from tests.projections.statistics.test_regressions import Told, runs_of


@pytest.fixture
def command_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> CommandLine:
    """Give the command line on a ledger with a slow run, and one with a flaky stage."""
    told = (started(pipeline="hourly"), began("load"), failed("load", retry=True))
    later = (began("load", 2), done("load", 2), ended())
    flaky = [
        NewEvent(data, "flaky", occurred_at=datetime(2026, 1, 15, 23, 30, tzinfo=UTC))
        for data in (*told, *later)
    ]
    usual: list[Told] = [(10.0, 5.0, "success")] * 6
    slow = runs_of([*usual, (20.0, 5.0, "success"), (1.0, 1.0, "failed")])
    write_log(tmp_path / "runs", lines_of([*slow, *flaky]))
    return CommandLine(tmp_path / "runs", capfd)


def test_pipelines_are_shown_with_their_stages(command_line: CommandLine) -> None:
    """Runs, success rate, retries and durations; and the position they reflect."""
    answer = command_line("stats", "--since", "2026-01-01")

    assert (answer.code, answer.err) == (0, "")
    head, hourly, load, nightly, _, footer = answer.out.splitlines()
    assert head.split()[:3] == ["pipeline", "/", "stage"]
    assert hourly.split()[:7] == ["hourly", "1", "100.0%", "0", "0", "1", "1"]
    assert load.split()[:7] == ["load", "1", "100.0%", "0", "0", "1", "1"]
    assert nightly.split()[:4] == ["nightly", "8", "87.5%", "1"]
    assert nightly.split()[-2:] == ["20.00", "s"]
    time = "from 2026-01-01 00:00+0000"
    assert footer == f"pipelines of which something ended {time}: 2; as of position 39"


def test_each_day_of_a_zone_is_shown_where_it_is_asked_for(command_line: CommandLine) -> None:
    """What ended late is of the next day in the east."""
    asked = ("stats", "--since", "2026-01-01", "--pipeline", "hourly", "--bucket")
    day = command_line(*asked, "day", "--timezone", "Europe/Berlin")
    hour = command_line(*asked, "hour", "--timezone", "Asia/Kolkata")
    unknown = command_line("stats", "--timezone", "Europe/Berlln")

    assert day.out.splitlines()[2].split()[:2] == ["2026-01-16", "1"]
    assert hour.out.splitlines()[2].split()[:3] == ["2026-01-16", "05:00+0530", "1"]
    assert (unknown.code, "did you mean Europe/Berlin?" in unknown.err) == (2, True)


def test_json_is_what_python_gives(command_line: CommandLine, tmp_path: Path) -> None:
    """With all buckets, and the bounds that were used."""
    since = datetime(2026, 1, 15, 12, tzinfo=UTC)
    with RunHistory(tmp_path / "runs") as history:
        expected = statistics(history, since=since, until=since + timedelta(hours=2))

    until = "2026-01-15T14:00:00Z"
    answer = command_line("stats", "--json", "--since", since.isoformat(), "--until", until)

    assert answer.json == expected.model_dump(mode="json")
    assert answer.json["pipelines"][0]["total"]["runs"] == 2


def test_what_was_slow_and_what_is_flaky_is_listed(command_line: CommandLine) -> None:
    """Each as a table, below which are the time and the position, and as JSON; not both at once."""
    slow = command_line("stats", "--since", "2026-01-01", "--regressions")
    flaky = command_line("stats", "--since", "2026-01-01", "--flaky")
    slow_json = command_line("stats", "--since", "2026-01-01", "--regressions", "--json").json
    flaky_json = command_line("stats", "--since", "2026-01-01", "--flaky", "--json").json
    both = command_line("stats", "--regressions", "--flaky")

    row = "nightly-6 2026-01-15 16:00:00Z nightly the run 20.00 s 10.00 s 2.00 x 6"
    assert " ".join(slow.out.splitlines()[1].split()) == row
    assert flaky.out.splitlines()[1].split() == ["hourly", "load", "1", "1", "100.0%", "1"]
    for listed, noun in (
        (slow, "runs slower than usual that began"),
        (flaky, "flaky stages of what ended"),
    ):
        said = f"{noun} from 2026-01-01 00:00+0000: 1; as of position 39"
        assert listed.out.splitlines()[-1] == said
    assert [run["run_id"] for run in slow_json["runs"]] == ["nightly-6"]
    assert (flaky_json["stages"][0]["flaky"], flaky_json["position"]) == (1, 39)
    assert (both.code, both.out) == (2, "")


def test_a_time_that_ends_before_it_begins_is_a_mistake(command_line: CommandLine) -> None:
    """Both of its options are named, the one that was left out too, whose time is told."""
    for further in ((), ("--regressions",), ("--flaky",)):
        answer = command_line("stats", "--since", "2026-01-02", "--until", "2026-01-01", *further)
        reason = "2026-01-01T00:00:00Z is before --since, which is 2026-01-02T00:00:00Z"
        assert (answer.code, answer.out) == (2, "")
        assert answer.err == f"runfold: --until: {reason}\n"
    alone = command_line("stats", "--until", "40d")
    assert (alone.code, " is before --since, which is 20" in alone.err) == (2, True)


def test_nothing_is_said_clearly(command_line: CommandLine) -> None:
    """Of an unknown pipeline, and of a time in which nothing ended, in the zone asked for."""
    unknown = command_line("stats", "--since", "2027-01-01", "--pipeline", "no-such")
    never = command_line("stats", "--since", "2027-01-01")
    bounded = command_line(
        "stats", "--since", "2027-01-01", "--until", "2027-07-01", "--timezone", "Europe/Berlin"
    )

    line = "pipelines of which something ended from 2027-01-01 00:00+0000: 0; as of position 39\n"
    assert (unknown.code, unknown.out) == (never.code, never.out) == (0, line)
    assert "from 2027-01-01 01:00+0100 until 2027-07-01 02:00+0200: 0;" in bounded.out
