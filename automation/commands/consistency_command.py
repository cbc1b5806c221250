"""``runfold consistency``: whether today's log extends a tree head that was kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from automation.commands.exit_codes import ExitCode
from automation.commands.options.evidence_options import (
    VerifierKeyOption,
    read_tree_head,
    say,
    tree_head_json,
    verifier_key,
)
from automation.commands.options.options import FolderOption, JsonOption, folder_of
from automation.commands.printing.output import write_data, write_json
from ledger import LogReader
from ledger.errors import NotProven
from ledger.evidence.evidence_check import SignatureState
from ledger.evidence.extension import Extension, check_extends
from ledger.evidence.signed_note import VerifierKey
from ledger.evidence.tree_head import TreeHead

__all__ = ["consistency"]


def consistency(
    old_tree_head: Annotated[
        Path, typer.Argument(help="The tree head that was kept; - for stdin.")
    ],
    *,
    key: VerifierKeyOption = None,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            help="Read only the last line it counts, and trust the chain before it, which"
            " runfold verify checks. Without, every line is read.",
        ),
    ] = False,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show that the log still holds all that an earlier tree head counted: exit 0, else 1."""
    old = read_tree_head(old_tree_head)
    pinned = verifier_key(key)
    try:
        signature = _check_signature(old, pinned)
        extension = check_extends(LogReader(folder_of(folder)), old, quick=quick)
    except NotProven as error:
        if not as_json:
            raise
        write_json({"extends": False, "claim": error.claim, "reason": error.reason})
        raise typer.Exit(ExitCode.WRONG) from None
    if as_json:
        write_json(_as_json(extension, signature, quick=quick))
        return
    proviso = ", if its chain is whole" if quick else ""
    since = extension.new.size - old.size
    write_data(
        f"The log extends the tree head{proviso}: its first {old.size} lines are unchanged,"
        f" and {since} came after.\n".encode()
    )
    _warn(signature, quick=quick)


def _check_signature(old: TreeHead, pinned: VerifierKey | None) -> SignatureState:
    if pinned is not None:
        old.check_signature(pinned)
        return SignatureState.VERIFIED
    return SignatureState.UNCHECKED if old.signed else SignatureState.UNSIGNED


def _warn(signature: SignatureState, *, quick: bool) -> None:
    if signature is SignatureState.UNCHECKED:
        say("the signature of the tree head was not checked: --key does")
    if signature is SignatureState.UNSIGNED:
        say("the tree head is unsigned: this shows as much as you trust the copy you kept")
    if quick:
        say("only the last line it counts was read: runfold verify checks the chain before it")


def _as_json(extension: Extension, signature: SignatureState, *, quick: bool) -> dict[str, Any]:
    return {
        "extends": True,
        "signature": signature.value,
        "lines_read": 1 if quick else extension.old.size,
        "old": tree_head_json(extension.old),
        "new": tree_head_json(extension.new),
        "proof": [step.hex() for step in extension.proof],
    }
