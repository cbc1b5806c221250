"""What an answer lacks is said beside it; damage and degradation have tests of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from projections.testing import lines_of, write_log
from tests.automation.commands.in_process import CommandLine
from tests.projections.statistics.test_regressions import runs_of


@pytest.fixture
def command_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> CommandLine:
    """Give the command line on a ledger of one pipeline, ``nightly``."""
    write_log(tmp_path / "runs", lines_of(runs_of([(10.0, 5.0, "success")])))
    return CommandLine(tmp_path / "runs", capfd)


@pytest.mark.parametrize("command", ["runs", "stats", "failures", "export"])
@pytest.mark.parametrize(
    ("pipeline", "said"),
    [
        ("nightly", ""),
        ("nigthly", "no run of a pipeline 'nigthly' is recorded here; there are nightly"),
    ],
)
def test_a_pipeline_without_runs_is_told_of(
    command_line: CommandLine, command: str, pipeline: str, said: str
) -> None:
    """The right names stand beside an answer on one that was mistyped; that is no error."""
    answer = command_line(command, "--pipeline", pipeline)

    assert answer.code == 0
    assert ("is recorded here" in answer.err, said in answer.err) == (bool(said), True)
