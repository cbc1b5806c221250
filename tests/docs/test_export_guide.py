"""``docs/export.md`` says what is: the columns, and questions that DuckDB answers."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import duckdb
import pytest

from ledger import EventLog, RunContext
from projections import RunHistory
from projections.exporting.columns import COLUMNS, Exported
from projections.exporting.parquet_format import write_parquet
from projections.exporting.run_export import export_runs, export_stages

GUIDE = (Path(__file__).parents[2] / "docs" / "export.md").read_text()
_ROW = re.compile(r"^\| (\w+) \| (text|integer|number|boolean|time|json) \|", re.MULTILINE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a ledger with a run that failed and was tried again, and its exports beside it."""
    with EventLog.open(tmp_path / "runs") as log:
        run = RunContext.start(log, pipeline="nightly", metadata={"team": "data"})
        with contextlib.suppress(ValueError), run.stage("load"):
            raise ValueError
        with run.stage("load"):
            pass
        run.end("success")
    with RunHistory(tmp_path / "runs") as history:
        write_parquet(export_runs(history), tmp_path / "runs.parquet")
        write_parquet(export_stages(history), tmp_path / "attempts.parquet")
    return tmp_path


def in_place(code: str, folder: Path) -> str:
    """Have what is shown act on the example."""
    moved = code.replace("automation/logs/runs", str(folder / "runs"))
    return re.sub(r"(['\"])(\w+\.parquet)\1", rf"\1{folder}/\2\1", moved)


@pytest.mark.parametrize("what", Exported)
def test_the_columns_are_those_of_the_guide(what: Exported) -> None:
    """In their order, with their kinds."""
    (section,) = re.findall(
        rf"\*\*{what.title()}\*\*, one row .*?(?=\n\n\*\*|\n## )", GUIDE, re.DOTALL
    )

    assert _ROW.findall(section) == [(column.name, column.kind) for column in COLUMNS[what]]


def test_the_questions_have_answers(folder: Path) -> None:
    """Over the exported files, and over the raw segments."""
    shown = "".join(re.findall(r"```sql\n(.*?)```", GUIDE, re.DOTALL))
    questions = [question for question in in_place(shown, folder).split(";") if question.strip()]

    stages, weeks, teams, types = (duckdb.execute(question).fetchall() for question in questions)

    assert [row[:3] for row in stages] == [("nightly", "load", 1)]
    assert [row[2:] for row in weeks] == [(1, 1.0)]
    assert [team for team, _ in teams] == ["data"]
    assert {(name, count) for name, count, _ in types} == {
        ("ledger_created", 1), ("run_started", 1), ("run_ended", 1),
        ("stage_started", 2), ("stage_failed", 1), ("stage_completed", 1),
    }  # fmt: skip


def test_the_python_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As it stands there."""
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)

    exec(compile(in_place(code, folder), "docs/export.md", "exec"), {})  # noqa: S102 - our own docs

    assert capsys.readouterr().out.split()[-1] == "7"
