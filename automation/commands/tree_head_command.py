"""``runfold tree-head``: size and Merkle root of the log, signed where there is a key."""

from __future__ import annotations

from typing import Annotated

import typer

from automation.commands.options.evidence_options import (
    KeyFileOption,
    say,
    signing_key,
    tree_head_json,
)
from automation.commands.options.options import FolderOption, JsonOption, folder_of
from automation.commands.printing.output import write_data, write_json
from ledger import EventLog, LogReader
from ledger.evidence.tree_head import TreeHead, current_tree_head, stored_tree_head
from ledger.evidence.tree_head_signing import sign_tree_head

__all__ = ["tree_head"]


def tree_head(
    *,
    sign: Annotated[
        bool, typer.Option("--sign", help="Sign it, and keep it in the data folder.")
    ] = False,
    key: KeyFileOption = None,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the tree head: what to keep elsewhere, to tell later that the log was not changed."""
    reader = LogReader(folder_of(folder))
    if sign:
        own = signing_key(key, reader)
        # Opening for writing syncs what a power cut left behind the mark, so that all is signed.
        with EventLog.open(reader.folder.path) as log:
            head = sign_tree_head(log.reader, own)
    else:
        head = _signed_if_it_is(reader, current_tree_head(reader))
    if as_json:
        write_json(tree_head_json(head))
    else:
        write_data(head.encode())
    if not head.signed:
        say("this tree head is unsigned: runfold tree-head --sign signs it with your key")


def _signed_if_it_is(reader: LogReader, current: TreeHead) -> TreeHead:
    """Give the signed head that is kept, where it says the same as the current one."""
    stored = stored_tree_head(reader.folder)
    return stored if stored is not None and stored.text == current.text else current
