"""Data on stdout, and nothing but data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.table import Table

from automation.commands.printing.output import (
    write_data,
    write_json,
    write_rich,
)
from ledger import EventLog

ROOT = Path(__file__).parents[4]


def test_bytes_are_written_as_they_are(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """What is no text and what was printed before come out in order."""
    print("before")  # noqa: T201 - what is printed is the point
    assert write_data(b"\xff\x00\r\n")

    assert capfdbinary.readouterr().out == b"before\n\xff\x00\r\n"


def test_json_is_ascii(capfd: pytest.CaptureFixture[str]) -> None:
    """What a terminal might act on is escaped, and reads back the same."""
    value = {"text": "€ \x1b \u202e"}

    write_json(value)

    out = capfd.readouterr().out
    assert out.isascii()
    assert "\x1b" not in out
    assert json.loads(out) == value


def test_a_row_is_one_line_in_a_file(capfd: pytest.CaptureFixture[str]) -> None:
    """Without a terminal nothing is folded, cut, coloured or padded at its end."""
    table = Table("name", "text", box=None, pad_edge=False)
    table.add_row("a", "x" * 500)
    table.add_row("b", "")

    write_rich(table)

    assert capfd.readouterr().out == f"name  text\na     {'x' * 500}\nb\n"


def test_words_that_nobody_hears_change_no_result(tmp_path: Path) -> None:
    """A command whose stderr was closed by its reader ends as it would have."""
    EventLog.open(tmp_path / "runs").close()
    program = (
        "import sys\n"
        "from automation.commands import main\n"
        "sys.stdin.read()\n"
        "for words in (['export'], ['show', 'none']):\n"
        "    print(main([*words, '--dir', sys.argv[1]]))\n"
    )
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "runs")],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=writer,
    )
    os.close(writer)
    os.close(reader)
    out, _ = process.communicate(b"")

    assert (process.returncode, out.splitlines()[-2:]) == (0, [b"0", b"3"])


def test_a_reader_that_left_is_told_once(tmp_path: Path) -> None:
    """After that whatever is written goes nowhere, also at the end of the process."""
    program = (
        "import sys\n"
        "from automation.commands.printing.output import write_data\n"
        "sys.stdin.read()\n"
        "told = [write_data(b'x' * 100_000), write_data(b'y')]\n"
        f"open({str(tmp_path / 'told')!r}, 'w').write(str(told))\n"
    )
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=writer,
        stderr=subprocess.PIPE,
    )
    os.close(writer)
    os.close(reader)
    _, err = process.communicate(b"")

    assert (process.returncode, err) == (0, b"")
    assert (tmp_path / "told").read_text() == "[False, True]"
