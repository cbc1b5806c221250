"""What README and guides show of the command line is there: every command, option and argument."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from automation.commands.command_line import put_together

ROOT = Path(__file__).parents[2]
_FENCED = re.compile(r"^```\w*\n(.*?)^```", re.DOTALL | re.MULTILINE)
_COMMAND = re.compile(r"(?:^|\$\(|\| )runfold (?=[a-z])(.*?)(?= ?[();|>]|$)", re.MULTILINE)


def shown(page: Path) -> list[list[str]]:
    """Give the words of each command in the blocks of a page."""
    blocks = "".join(_FENCED.findall(page.read_text()))
    return [shlex.split(line, comments=True) for line in _COMMAND.findall(blocks)]


def parse(command: Any, name: str, words: list[str], parent: Any = None) -> None:
    """Have the words of a command taken, and those of the one inside it."""
    context = command.make_context(name, list(words), parent=parent)
    if isinstance(command, typer.core.TyperGroup):
        inner, found, left = command.resolve_command(context, words)
        parse(found, str(inner), left, context)


PAGES = [
    page for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if shown(page)
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_of_a_page_are_there(page: Path) -> None:
    """The parser takes each as it stands, and would run it now."""
    # What exec takes is read without this parser.
    for words in [each for each in shown(page) if each[0] != "exec"]:
        parse(typer.main.get_command(put_together(words[:1])), "runfold", words)
