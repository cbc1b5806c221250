"""``runfold repair``: let a damaged log go on, once somebody says so."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Annotated

import msgspec
import typer

from automation.commands.exit_codes import ExitCode
from automation.commands.options.actor import ActorOption, actor_of
from automation.commands.options.options import FolderOption, JsonOption, folder_of
from automation.commands.printing.output import write_data, write_json
from automation.commands.printing.terminal_text import printable
from automation.errors import BadArgument
from ledger.integrity.repair import Repair, plan_repair, repair

__all__ = ["repair_lines", "repair_log"]

_NOTHING = "nothing is wrong that a repair could mend: nothing was written"


def repair_log(
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Repair without asking.")] = False,
    why: Annotated[str, typer.Option(help="What the log shall say of the reason.")] = "",
    actor: ActorOption = None,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a damaged log go on: list what cannot be read in the log, and pass over it.

    No sound line is lost, and no byte that is there is changed.
    """
    path = folder_of(folder)
    planned = plan_repair(path)
    if planned.needed:
        if not as_json:
            _say(repair_lines(planned))
        _ask(yes=yes)
        reason = why or "runfold repair"
        planned = repair(path, actor=actor_of(actor), reason=reason)
    if as_json:
        write_json(msgspec.to_builtins(planned))
    else:
        done = f"repaired: ledger_repaired at position {planned.position}"
        ended = done if planned.position else "repaired"
        write_data(f"{ended if planned.needed else _NOTHING}\n".encode())
        _say(printable(f"still wrong: {finding}") for finding in planned.left)
        if planned.needed:
            _say(iter(["the views may still show what was there: runfold rebuild"]))
    raise typer.Exit(ExitCode.DAMAGED if planned.left else ExitCode.FINE)


def repair_lines(planned: Repair) -> Iterator[str]:
    """Say what a repair will do."""
    if planned.identity:
        yield "ledger.json is written again, from line 1"
    if planned.mark:
        yield "the durable mark is set again, to the last sound line"
    for item in planned.skipped:
        many = f"positions {item.first} to {item.last}" if item.last > item.first else ""
        lost = many or (f"position {item.first}" if item.last == item.first else "no position")
        place = f"{item.segment} byte {item.offset}, {item.size} bytes"
        yield printable(f"passed over: {lost} ({place}): {item.reason}")
    if planned.first_again:
        yield (
            f"positions {planned.first_again} to {planned.last_again} are gone and will be given"
            " out again: every tree head signed over them will show it"
        )


def _say(lines: Iterator[str]) -> None:
    for line in lines:
        typer.echo(line, err=True)


def _ask(*, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise BadArgument("--yes", "is needed where nobody can be asked")
    if not typer.confirm("Repair the log so?", err=True):
        raise typer.Exit(ExitCode.WRONG)
