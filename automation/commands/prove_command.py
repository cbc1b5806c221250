"""``runfold prove``: one file that shows a run's events to be in the log, to whoever has no log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from automation.commands.options.evidence_options import KeyFileOption, say
from automation.commands.options.options import FolderOption, JsonOption, folder_of
from automation.commands.printing.output import write_data, write_json
from automation.commands.show_command import find_run_id
from automation.errors import BadArgument, RunNotFound
from ledger import LogReader
from ledger.evidence.evidence_check import check_evidence
from ledger.evidence.evidence_file import make_evidence
from ledger.evidence.key_file import read_key_file

__all__ = ["prove"]


def prove(
    run_id: Annotated[
        str, typer.Argument(help="A run id, or as much of it as makes it the only one.")
    ],
    *,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FILE", help="Where to; stdout if not given."),
    ] = None,
    key: KeyFileOption = None,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the evidence file of a run: its events, inclusion proofs, and the tree head.

    A key that is named signs a new tree head where the last signed one is older than the run.
    """
    reader = LogReader(folder_of(folder))
    own = None if key is None else read_key_file(key)
    run_id = find_run_id(reader, run_id)
    data = make_evidence(reader, run_id, key=own)
    if data is None:
        raise RunNotFound(run_id, reader.folder.path)
    checked = check_evidence(data)
    if out is None:
        write_data(data)
    else:
        _write(out, data)
    if not checked.head.signed:
        say(
            "the tree head in it is unsigned, so it shows only that the file fits itself:"
            " runfold tree-head --sign first, then prove again"
        )
    if out is not None and as_json:
        size = checked.head.size
        write_json(
            {
                "file": str(out.absolute()),
                "run_id": run_id,
                "events": checked.events,
                "tree_size": size,
                "signed": checked.head.signed,
            }
        )
    elif out is not None:
        say(f"{checked.events} events of run {run_id} are in {out}")


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise BadArgument(str(path), error.strerror or "it cannot be written") from None
