"""The tree head: size and Merkle root of the log, by the public specification C2SP tlog-checkpoint.

::

    runfold/<ledger_id>
    <size: how many lines>
    <root, base64>

    — runfold/<ledger_id> <signature>

A signed head is a signed note; an unsigned one is its text alone. ``tree-head`` in the data folder
holds the latest that was signed (see ``tree_head_signing.py``).
"""

from __future__ import annotations

import base64
import os
import re
from dataclasses import dataclass, replace
from typing import Self

from ledger.disk.files import open_file, read_range
from ledger.disk.folder import Identity, LedgerFolder
from ledger.errors import BadEvidence, LedgerDamaged, NotProven
from ledger.evidence.signed_note import (
    MAX_NOTE,
    Note,
    Signature,
    SigningKey,
    VerifierKey,
    decode_base64,
    decode_text,
    is_signed_by,
    parse_note,
)
from ledger.evidence.tree import LedgerTree
from ledger.fields import RUN_ID
from ledger.reading.reader import LogReader

__all__ = [
    "TreeHead",
    "current_tree_head",
    "origin_of",
    "root_in_head",
    "root_text",
    "stored_tree_head",
]

_LINES = 3
_SIZE = re.compile(r"0|[1-9][0-9]{0,17}")
_ROOT_SIZE = 32


def origin_of(identity: Identity) -> str:
    """Name a log to the world: the first line of its heads, and the name of its key.

    Raises:
        LedgerDamaged: its ledger_id is not one; so no name is ever a path of another kind.
    """
    if not RUN_ID.fullmatch(identity.ledger_id):
        raise LedgerDamaged("ledger.json", 0, 0, f"ledger_id {identity.ledger_id!r} is none")
    return f"runfold/{identity.ledger_id}"


@dataclass(frozen=True, slots=True)
class TreeHead:
    """A log at one size.

    Attributes:
        origin: which log.
        size: how many lines it had.
        root: the Merkle root over them, 32 bytes.
        extensions: further lines of the text, of which this version knows none.
        signatures: those under the text; none where the head is unsigned.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()
    signatures: tuple[Signature, ...] = ()

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a head, signed or not; signatures are not checked yet.

        Raises:
            BadEvidence: it is none.
        """
        note = parse_note(data) if b"\n\n" in data else Note(decode_text(data), ())
        *lines, rest = note.text.split("\n")
        if len(lines) < _LINES or "" in lines or rest:
            raise _bad("its text is not origin, size and root on a line each")
        origin, size, encoded, *extensions = lines
        root = decode_base64(encoded)
        if not _SIZE.fullmatch(size):
            raise _bad("its size is not a decimal number")
        if root is None or len(root) != _ROOT_SIZE:
            raise _bad("its root is not base64 of 32 bytes")
        return cls(origin, int(size), root, tuple(extensions), note.signatures)

    @property
    def text(self) -> str:
        """What is signed."""
        lines = [self.origin, str(self.size), root_in_head(self.root)]
        return "".join(f"{line}\n" for line in (*lines, *self.extensions))

    @property
    def signed(self) -> bool:
        """Whether there is a signature, by whomever."""
        return bool(self.signatures)

    def encode(self) -> bytes:
        """Write the head: a signed note, or the text alone."""
        if not self.signatures:
            return self.text.encode()
        return Note(self.text, self.signatures).encode()

    def sign(self, key: SigningKey) -> Self:
        """Give the head with one signature, by this key."""
        return replace(self, signatures=(key.sign(self.text),))

    def check_signature(self, key: VerifierKey) -> None:
        """Return only where this key signed the head, and is the key of this log.

        Raises:
            NotProven: otherwise.
        """
        claim = f"{key.name} signed the tree head"
        if not self.signatures:
            raise NotProven(claim, "the tree head is unsigned")
        if not is_signed_by(Note(self.text, self.signatures), key):
            raise NotProven(claim, "it bears no signature of that key")
        if self.origin != key.name:
            raise NotProven(claim, f"that key signed a head of another log, {self.origin!r}")


def root_in_head(root: bytes) -> str:
    """Write a root as the third line of a tree head has it: in base64."""
    return base64.b64encode(root).decode()


def root_text(root: bytes) -> str:
    """Write a root in both forms that there are, for whoever compares it by eye with either."""
    return f"{root.hex()}, in a tree head {root_in_head(root)}"


def _bad(reason: str) -> BadEvidence:
    return BadEvidence("a tree head", reason)


def current_tree_head(reader: LogReader, tree: LedgerTree | None = None) -> TreeHead:
    """Give the unsigned head of all that is durable."""
    tree = tree or LedgerTree(reader)
    size = tree.extend()
    return TreeHead(origin_of(reader.identity), size, tree.root(size))


def stored_tree_head(folder: LedgerFolder) -> TreeHead | None:
    """Read the head that was signed last; None where none was.

    Raises:
        BadEvidence: the file is no tree head.
    """
    try:
        fd = open_file(folder.tree_head)
    except FileNotFoundError:
        return None
    try:
        return TreeHead.parse(read_range(fd, 0, MAX_NOTE + 1))
    finally:
        os.close(fd)
