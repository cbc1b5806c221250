"""The data folder: what lies where. The only place that knows a file's name."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ledger.disk.files import (
    create_exclusive,
    read_file,
    replace_atomically,
    sync_folder,
    what_is_there,
)
from ledger.errors import LedgerDamaged, LedgerNotFound
from ledger.identifiers import RUN_ID

__all__ = ["DEFAULT_FOLDER", "Identity", "LedgerFolder", "segment_name"]

DEFAULT_FOLDER = Path("automation/logs/runs")
_SEGMENT = re.compile(r"(\d{20})\.jsonl")


class Identity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What ``ledger.json`` says; it never changes."""

    ledger_id: str
    format: int
    created_at: str


def segment_name(first: int) -> str:
    """Name the segment whose first line has this position."""
    return f"{first:020d}.jsonl"


@dataclass(frozen=True, slots=True)
class LedgerFolder:
    """The paths of one data folder."""

    path: Path

    @property
    def identity_file(self) -> Path:
        """``ledger.json``: ledger_id, format, created_at."""
        return self.path / "ledger.json"

    @property
    def lock(self) -> Path:
        """The flock target, which also keeps the durable mark. Never deleted."""
        return self.path / "lock"

    @property
    def events(self) -> Path:
        """The segments."""
        return self.path / "events"

    @property
    def index(self) -> Path:
        """For each sealed segment: run id -> offsets. Derived."""
        return self.path / "index"

    @property
    def writers(self) -> Path:
        """One locked file for each run that is being recorded."""
        return self.path / "writers"

    @property
    def leases(self) -> Path:
        """One file for each run that a process on another machine records: see ``leases.py``."""
        return self.path / "leases"

    @property
    def quarantine(self) -> Path:
        """Torn bytes that recovery cut off."""
        return self.path / "quarantine"

    @property
    def tree(self) -> Path:
        """Hashes of full subtrees of the Merkle tree. Derived."""
        return self.path / "tree"

    @property
    def tree_head(self) -> Path:
        """The latest signed tree head."""
        return self.path / "tree-head"

    @property
    def runs_file(self) -> Path:
        """``runs.jsonl``: one summary line for each end of a run. Derived."""
        return self.path / "runs.jsonl"

    @property
    def read_models(self) -> Path:
        """The generations of the SQLite read model. Derived."""
        return self.path / "read-models"

    def segment(self, first: int) -> Path:
        """Give the path of the segment whose first line has this position."""
        return self.events / segment_name(first)

    def segments(self) -> list[int]:
        """First positions of all segments, in order."""
        try:
            names = os.listdir(self.events)  # noqa: PTH208 - asked at each look, and twice as quick
        except FileNotFoundError:
            return []
        matches = (_SEGMENT.fullmatch(name) for name in names)
        return sorted(int(match[1]) for match in matches if match)

    def exists(self) -> bool:
        """Tell whether a ledger was ever created here."""
        return self.identity_file.exists()

    def identity(self) -> Identity:
        """Read who this ledger is.

        Raises:
            LedgerNotFound: there is no ledger here.
            LedgerDamaged: ``ledger.json`` is not what was written once.
        """
        try:
            data = read_file(self.identity_file)
        except (FileNotFoundError, NotADirectoryError):
            raise LedgerNotFound(self.path) from None
        except OSError as error:
            if not what_is_there(error):
                raise
            raise LedgerDamaged("ledger.json", 0, 0, what_is_there(error)) from None
        try:
            identity = msgspec.json.decode(data, type=Identity)
        except msgspec.DecodeError as error:
            raise LedgerDamaged("ledger.json", 0, 0, str(error)) from None
        if not RUN_ID.fullmatch(identity.ledger_id):
            raise LedgerDamaged("ledger.json", 0, 0, "ledger_id is not an identifier")
        return identity

    def create(self, identity: Identity) -> None:
        """Lay out an empty ledger; the caller holds the lock and appends ``ledger_created``."""
        for folder in (self.events, self.index, self.writers, self.quarantine, self.read_models):
            folder.mkdir(exist_ok=True)
        if not self.segments():
            create_exclusive(self.segment(1))
        # Also where another maker made it, and died before it could sync.
        sync_folder(self.events)
        replace_atomically(
            self.identity_file, msgspec.json.format(msgspec.json.encode(identity), indent=2) + b"\n"
        )
