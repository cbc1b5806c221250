"""What README and guides show can be pasted: Python runs from the top of its page, TOML is read."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from automation.pipeline_file import PipelineTable
from automation.toml_text import parse_toml
from ledger import EventLog, RunContext
from projections import RunHistory

ROOT = Path(__file__).parents[2]
FOLDER = Path("automation/logs/runs")
PAGES = ("README.md", "docs/comparison.md", "docs/developers.md", "docs/failures.md")


def shown(page: str, language: str) -> list[str]:
    """Give the blocks of a page."""
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)


def run_shown(code: str) -> None:
    """Run what was pasted."""
    exec(compile(code, "pasted", "exec"), {"__name__": "__main__"})  # noqa: S102 - our own docs


@pytest.fixture
def _here(tmp_path: Path) -> Iterator[None]:
    """Work in a new folder, in which pipelines have succeeded and failed before."""
    with contextlib.chdir(tmp_path):
        with EventLog.open(FOLDER) as log:
            with RunContext.start(log, pipeline="nightly") as run, run.stage("load"):
                pass
            failing = RunContext.start(log, pipeline="nightly")
            with contextlib.suppress(ValueError), failing as run, run.stage("load"):
                raise ValueError
        yield


@pytest.mark.usefixtures("_here")
@pytest.mark.parametrize("page", PAGES)
def test_the_python_of_a_page_runs(page: str) -> None:
    """Block after block, from the top of the page on."""
    blocks = shown(page, "python")
    assert blocks

    run_shown("\n".join(blocks))


@pytest.mark.usefixtures("_here")
@pytest.mark.parametrize("block", shown("README.md", "python"))
def test_each_block_of_the_readme_runs_by_itself(block: str) -> None:
    """Each records a run that succeeds, with a figure."""
    run_shown(block)

    with RunHistory(FOLDER) as history:
        (newest,) = history.list_runs(limit=1)
    assert newest.result == "success"
    assert [attempt.metrics for attempt in newest.attempts] == [{"rows": 2}]


@pytest.mark.parametrize("page", ["README.md", "docs/developers.md"])
def test_the_pipelines_that_are_shown_are_read(page: str) -> None:
    """Every key is one that a pipeline may have."""
    (block,) = shown(page, "toml")

    assert PipelineTable.model_validate(parse_toml(block)).name == "nightly"
