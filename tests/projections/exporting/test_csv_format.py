"""CSV: opens rightly in a spreadsheet, and runs nothing there."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import EventLog, RunContext
from projections import RunHistory
from projections.exporting.csv_format import csv_chunks, guarded
from projections.exporting.run_export import export_runs
from tests.projections.exporting.reading_back import from_csv


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "\uff1d1",
        "'=1",
        '=LINK("x","y")',
    ],
)
def test_a_text_that_begins_like_a_formula_is_guarded(text: str, tmp_path: Path) -> None:
    """In the file it begins with an apostrophe; a reader who takes that off has what was."""
    with EventLog.open(tmp_path) as log:
        RunContext.start(log, pipeline="nightly").end("failed", text)
    with RunHistory(tmp_path) as history:
        written = b"".join(csv_chunks(export_runs(history))).decode()
        (row,) = from_csv(export_runs(history))

    assert row["failure_reason"] == text
    assert f"'{text}".replace('"', '""') in written


def test_numbers_and_plain_text_are_as_they_are(tmp_path: Path) -> None:
    """Quotes, commas and lines stay in one cell; a number has no apostrophe, nor has JSON."""
    with EventLog.open(tmp_path) as log:
        run = RunContext.start(log, pipeline="nightly", run_id="a", metadata={"=x": -1})
        run.end("failed", 'two\nlines, "quoted", ünï\0')
    with RunHistory(tmp_path) as history:
        data = b"".join(csv_chunks(export_runs(history)))
        (row,) = from_csv(export_runs(history))

    assert data.startswith(b"\xef\xbb\xbfrun_id,pipeline,result,")
    assert data.count(b"\r\n") == 2
    assert data.endswith(b"\r\n")
    assert row["failure_reason"] == 'two\nlines, "quoted", ünï\0'
    assert row["metadata"] == {"=x": -1}
    assert b'"{""=x"":-1}"' in data
    assert b"," + str(row["duration_seconds"]).encode() + b"," in data


@given(st.text())
def test_a_guard_can_be_taken_off(text: str) -> None:
    """Whoever removes one apostrophe, where there is one, has the text; none is a formula."""
    cell = guarded(text)
    assert cell is not None
    assert cell.removeprefix("'") == text
    assert cell[:1] not in set("=+-@\t\r\n")
