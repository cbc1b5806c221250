"""What the commands about evidence share: keys, files that come from elsewhere, and plain words."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from automation.commands.printing.terminal_text import printable
from automation.errors import BadArgument
from ledger.evidence.key_file import default_key_path, read_key_file
from ledger.evidence.signed_note import MAX_NOTE, SigningKey, VerifierKey
from ledger.evidence.tree_head import TreeHead
from ledger.reading.reader import LogReader

__all__ = [
    "KeyFileOption",
    "VerifierKeyOption",
    "key_path",
    "read_bounded",
    "read_tree_head",
    "say",
    "signing_key",
    "tree_head_json",
    "verifier_key",
]

_STDIN = "-"

KeyFileOption = Annotated[
    Path | None,
    typer.Option(
        "--key",
        envvar="RUNFOLD_KEY",
        metavar="FILE",
        show_default="runfold/<ledger_id>.key in the configuration folder",
        help="The file of the signing key.",
    ),
]
VerifierKeyOption = Annotated[
    str | None,
    typer.Option(
        "--key", metavar="VKEY", help="The verifier key, one line, as runfold key show prints it."
    ),
]


def key_path(option: Path | None, reader: LogReader) -> Path:
    """Give the file of the signing key: the one that was named, else the ledger's default."""
    return option or default_key_path(reader.identity, os.environ)


def signing_key(option: Path | None, reader: LogReader) -> SigningKey:
    """Read the signing key that was named, or the ledger's default; raises as the file does."""
    return read_key_file(key_path(option, reader))


def verifier_key(option: str | None) -> VerifierKey | None:
    """Read a verifier key.

    Raises:
        BadEvidence: it is none.
    """
    return None if option is None else VerifierKey.parse(option.strip())


def read_bounded(path: Path, limit: int) -> bytes:
    """Read a file that somebody gave, or stdin for ``-``; no more than one byte over a limit.

    Raises:
        BadArgument: it cannot be read.
    """
    try:
        if str(path) == _STDIN:
            return sys.stdin.buffer.read(limit + 1)
        with path.open("rb") as file:
            return file.read(limit + 1)
    except OSError as error:
        raise BadArgument(str(path), error.strerror or "it cannot be read") from None


def read_tree_head(path: Path) -> TreeHead:
    """Read a tree head that somebody kept.

    Raises:
        BadArgument: it cannot be read.
        BadEvidence: it is none.
    """
    return TreeHead.parse(read_bounded(path, MAX_NOTE))


def tree_head_json(head: TreeHead) -> dict[str, Any]:
    """Give a tree head as JSON values; ``note`` is what its file holds."""
    return {
        "origin": head.origin,
        "size": head.size,
        "root": head.root.hex(),
        "signed": head.signed,
        "note": head.encode().decode(),
    }


def say(text: str) -> None:
    """Write one line to stderr, where everything goes that is no data."""
    sys.stderr.write(f"runfold: {printable(text)}\n")
