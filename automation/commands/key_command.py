"""``runfold key``: make the key that signs tree heads, and show what others check it with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from automation.commands.options.evidence_options import KeyFileOption, key_path, say
from automation.commands.options.options import FolderOption, JsonOption, folder_of
from automation.commands.printing.output import write_data, write_json
from ledger import LogReader
from ledger.evidence.key_file import create_key_file, read_key_file
from ledger.evidence.signed_note import SigningKey
from ledger.evidence.tree_head import origin_of

__all__ = ["key"]

key = typer.Typer(name="key", help="The key that signs tree heads. Pipelines never need it.")


@key.command()
def init(
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            envvar="RUNFOLD_KEY",
            metavar="FILE",
            show_default="runfold/<ledger_id>.key in the configuration folder",
            help="The new file, outside the data folder.",
        ),
    ] = None,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a signing key in a file of its own, and print the verifier key to give to others."""
    reader = LogReader(folder_of(folder))
    path = key_path(out, reader).absolute()
    made = SigningKey.generate(origin_of(reader.identity))
    create_key_file(path, made, data_folder=reader.folder.path)
    _print_verifier_key(made, path, as_json=as_json)
    say(f"the signing key is in {path}: keep it from whoever writes the log, and back it up")


@key.command()
def show(
    *, file: KeyFileOption = None, folder: FolderOption = None, as_json: JsonOption = False
) -> None:
    """Print the verifier key that belongs to a signing key."""
    path = key_path(file, LogReader(folder_of(folder))) if file is None else file
    _print_verifier_key(read_key_file(path), path.absolute(), as_json=as_json)


def _print_verifier_key(own: SigningKey, path: Path, *, as_json: bool) -> None:
    if as_json:
        write_json({"verifier_key": str(own.verifier_key), "key_file": str(path)})
    else:
        write_data(f"{own.verifier_key}\n".encode())
