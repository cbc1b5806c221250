"""``runfold rebuild``: anew, or only to see what that would change."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

from automation.commands import main
from ledger import LogReader
from tests.automation.commands.in_process import CommandLine
from tests.automation.commands.installed import install
from tests.automation.commands.processes import runfold, runfold_each, start
from tests.ledger.damage import flip
from tests.projections.costs import record

PLACE = "tests.projections.costs"
SLOW = """
import time
from tests.projections.costs import Costs

class SlowCosts(Costs):
    def evolve(self, state, event):
        time.sleep(0.1)
        return super().evolve(state, event)
"""


@pytest.fixture
def run(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> CommandLine:
    """Record some runs, and give the command line on them."""
    return CommandLine(record(tmp_path / "runs", range(4), failing=[2]), capfd)


def test_rebuild_makes_the_next_generation(run: CommandLine) -> None:
    """It is current at once; the runs are the same."""
    before = run("runs", "--json").json

    assert run("rebuild").out == "generation 000002 is current\n"
    assert run("rebuild", "--json").json == {"generation": "000003", "position": 29}
    assert run("runs", "--json").json == before


@pytest.mark.parametrize("words", [[], ["--preview", "--promote"]])
def test_a_model_that_lacks_what_is_damaged_says_so(run: CommandLine, words: list[str]) -> None:
    """Exit 4, with the position: the model before it may have had what is lost."""
    run("runs")
    segment = LogReader(run.folder).folder.segment(1)
    flip(segment, segment.stat().st_size // 2)

    answer = run("rebuild", *words)

    assert answer.code == 4
    assert "generation 000002 is current\n" in answer.out
    assert "runfold: out of reach: position " in answer.err


def test_a_preview_of_the_same_code_finds_nothing(run: CommandLine) -> None:
    """Exit 0, and no generation more."""
    run("runs")

    answer = run("rebuild", "--preview")

    assert answer.code == 0
    assert "runs: nothing differs in 4 runs\n" in answer.out
    assert answer.out.endswith("generation 000001 at position 29; nothing was changed\n")
    assert run("rebuild", "--preview", "--json").json["equal"] is True


def test_a_given_projection_is_shown_as_new(run: CommandLine) -> None:
    """Exit 0, as nothing that is there differs; what it holds is said."""
    run("runs")

    answer = run("rebuild", "--preview", "--projection", f"{PLACE}:Costs")

    assert answer.code == 0
    told = "costs: a new projection, which has nothing to differ from\n  version 1: 4 runs, 11 rows"
    assert told in answer.out


def test_what_is_not_installed_is_not_promoted(run: CommandLine) -> None:
    """Exit 1, with what to do; the model stays."""
    run("runs")

    answer = run("rebuild", "--preview", "--promote", "--projection", f"{PLACE}:Costs")

    assert answer.code == 1
    assert "the projection costs 1 is not what is installed here" in answer.err
    assert run("projections", "--json").json["projections"][0]["generation"] == "000001"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--promote"], "--promote: goes with --preview"),
        (["--projection", f"{PLACE}:Costs"], "--projection: goes with --preview"),
        (["--preview", "--projection", "costs"], "name it as module:Class"),
        (["--preview", "--projection", "no.module:Costs"], "it cannot be loaded"),
        (["--preview", "--projection", f"{PLACE}:CostState"], "--projection: "),
    ],
)
def test_arguments_that_make_no_sense_are_refused(
    run: CommandLine, arguments: list[str], words: str
) -> None:
    """Exit 2, and nothing is built."""
    answer = run("rebuild", *arguments)

    assert answer.code == 2
    assert words in answer.err
    assert not list((run.folder / "read-models").iterdir())


def test_without_a_model_there_is_nothing_to_compare(run: CommandLine) -> None:
    """Exit 1, and what would build one."""
    answer = run("rebuild", "--preview")

    assert answer.code == 1
    assert "there is no read model in" in answer.err


def test_a_new_version_is_installed_previewed_and_promoted(tmp_path: Path) -> None:
    """The way of a change: what it changes is seen, then switched to, and exit codes tell."""
    folder = record(tmp_path / "runs", range(4), failing=[2])
    at = ("--dir", folder)
    old = install(tmp_path / "site", "costs", f"{PLACE}:Costs")
    assert runfold("rebuild", *at, cwd=tmp_path, **old).returncode == 0

    new = install(tmp_path / "site", "costs", f"{PLACE}:DearerCosts")
    seen, promoted, again = runfold_each(
        ["rebuild", "--preview", "--samples", 1, *at],
        ["rebuild", "--preview", "--promote", "--json", *at],
        ["rebuild", "--preview", *at],
        cwd=tmp_path,
        **new,
    )

    code, out, _ = seen
    assert code == 1
    assert out.startswith("costs: version 1 -> 2, 4 of 4 runs differ\n")
    assert "  run-000  costs.cost             0.75  1.5\n" in out
    assert "run-001" not in out
    assert (promoted[0], json.loads(promoted[1])["promoted"]) == (0, "000002")
    assert again[0] == 0


def test_a_projection_that_is_being_written_lies_where_its_author_works(tmp_path: Path) -> None:
    """A module of the working directory is found; where it fails, the position is named."""
    folder = record(tmp_path / "runs", range(4), failing=[2])
    source = f"from {PLACE} import FaultyCosts as Mine\n"
    (tmp_path / "being_written.py").write_text(source)
    assert main(["runs", "--dir", str(folder)]) == 0

    words = ("rebuild", "--preview", "--projection", "being_written:Mine", "--dir", folder)
    answer = runfold(*words, cwd=tmp_path)

    assert answer.returncode == 1
    assert "the projection costs failed on the event at position 20: LookupError" in answer.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_preview_that_is_stopped_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    """Exit 130; the candidate is removed, and the live model is as it was."""
    folder = record(tmp_path / "runs", range(4))
    (tmp_path / "slow.py").write_text(SLOW)
    assert main(["runs", "--dir", str(folder)]) == 0
    candidate = folder / "read-models" / "candidate"

    words = ("rebuild", "--preview", "--projection", "slow:SlowCosts", "--dir", folder)
    process = start(*words, cwd=tmp_path)
    deadline = time.monotonic() + 60
    while not list(candidate.glob("*.sqlite")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(number)
    process.communicate(timeout=60)

    assert process.returncode == 130
    assert not candidate.exists()
    assert (folder / "read-models" / "current").read_text() == "000001.sqlite\n"
