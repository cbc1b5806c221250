"""``runfold backup``: a verified copy of a live log, brought up to date the second time."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from automation.commands.exit_codes import ExitCode
from automation.commands.options.options import FolderOption, JsonOption, folder_of
from automation.commands.printing.output import write_data, write_json
from automation.commands.verify_command import check_progress, verification_lines
from ledger.integrity.backup import back_up
from ledger.integrity.verify import verify

__all__ = ["backup"]


def backup(
    target: Annotated[Path, typer.Argument(metavar="DIR", help="Where the copy is, or shall be.")],
    *,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy the log, or bring a copy up to date, and check the copy."""
    done = back_up(folder_of(folder), target.absolute())
    with check_progress() as progress:
        found = verify(target.absolute(), progress=progress)
    if as_json:
        write_json({**msgspec.to_builtins(done), "verification": msgspec.to_builtins(found)})
    else:
        if not found.sound:
            for line in verification_lines(found):
                typer.echo(line, err=True)
        sizes = f"{done.copied_bytes} bytes copied, {done.kept_bytes} were there"
        state = "sound" if found.sound else "damaged"
        write_data(f"{state} copy up to position {done.position}: {sizes}\n".encode())
    raise typer.Exit(ExitCode.FINE if found.sound else ExitCode.DAMAGED)
