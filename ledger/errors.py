"""Every error the ledger raises, as a tree; each says what happened and what to do next.

LedgerError
├── InvalidEvent          you gave an event that may not enter the log
│   └── EventTooLarge
├── IllegalTransition     you may not write this now: the lifecycle forbids it
├── SequenceConflict      somebody else wrote to the run first
├── EventIdConflict       this event_id already stands for another event
├── LedgerNotFound        there is no ledger in that folder
├── LedgerUnwritable      the folder or its file system cannot be written
├── LockTimeout           another process holds the lock
├── AppendFailed          nothing was written: the batch was rolled back whole
├── DurabilityUnknown     written, but the disk did not confirm it
├── BadLine               one line is not what the format says (codec only: no place)
├── LedgerDamaged         bytes that were durable are wrong, missing or replaced
├── LedgerReplaced        the log changed under a reader: shrunk, swapped or cut
├── RepairRefused         the damage cannot be repaired, or not just now
├── BackupRefused         the folder holds no earlier copy of this log
├── BadEvidence           a tree head, a key or an evidence file is not what its format says
├── NotProven             it is well formed, and does not show what it should
├── KeyRefused            a signing key cannot be made, read or used so
│   └── KeyNotFound
└── SigningUnavailable    signatures need a package that is not installed
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "AppendFailed",
    "BackupRefused",
    "BadEvidence",
    "BadLine",
    "DurabilityUnknown",
    "EventIdConflict",
    "EventTooLarge",
    "IllegalTransition",
    "InvalidEvent",
    "KeyNotFound",
    "KeyRefused",
    "LedgerDamaged",
    "LedgerError",
    "LedgerNotFound",
    "LedgerReplaced",
    "LedgerUnwritable",
    "LockTimeout",
    "NotProven",
    "RepairRefused",
    "SequenceConflict",
    "SigningUnavailable",
]


class LedgerError(Exception):
    """Root of the tree: catch this to catch everything the ledger can say."""


@dataclass(eq=False)
class InvalidEvent(LedgerError):
    """An event was refused at the boundary: mend the named field and append again."""

    field: str
    reason: str

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}"


@dataclass(eq=False)
class EventTooLarge(InvalidEvent):
    """An event or batch is over the limit even with its long texts shortened."""

    size: int = 0
    limit: int = 0


@dataclass(eq=False)
class IllegalTransition(LedgerError):
    """The lifecycle forbids this event now; read the run before writing to it again.

    ``others`` are the further events of the batch that it forbids, were this one left out.
    """

    run_id: str
    event_type: str
    rule: str
    event_id: str = ""
    others: Sequence[IllegalTransition] = ()

    def __str__(self) -> str:
        return f"run {self.run_id}: {self.event_type} refused: {self.rule}"


@dataclass(eq=False)
class SequenceConflict(LedgerError):
    """The run is not where the caller expected: read it from ``actual`` and decide again."""

    run_id: str
    expected: int
    actual: int

    def __str__(self) -> str:
        if self.expected == 0:
            return f"run {self.run_id} is in the log already, at sequence {self.actual}"
        return f"run {self.run_id}: expected sequence {self.expected}, but it is {self.actual}"


@dataclass(eq=False)
class EventIdConflict(LedgerError):
    """The event_id was used before in this run for another body: give the event its own id.

    ``others`` are the further events of the batch whose ids stand for others.
    """

    run_id: str | None
    event_id: str
    position: int
    others: Sequence[EventIdConflict] = ()

    def __str__(self) -> str:
        return (
            f"run {self.run_id}: event_id {self.event_id} already stands for another event,"
            f" at position {self.position}"
        )


@dataclass(eq=False)
class LedgerNotFound(LedgerError):
    """There is no ledger in the folder; reading never creates one."""

    folder: Path

    def __str__(self) -> str:
        return f"no ledger in {self.folder.absolute()}: record a run there first, or name another"


@dataclass(eq=False)
class LedgerUnwritable(LedgerError):
    """The folder cannot be written; the reason says why and what would help."""

    folder: Path
    reason: str

    def __str__(self) -> str:
        return f"cannot write the ledger in {self.folder.absolute()}: {self.reason}"


@dataclass(eq=False)
class LockTimeout(LedgerError):
    """Another process kept the lock too long; look at that process (is it stopped?)."""

    path: Path
    seconds: float
    pid: int | None

    def __str__(self) -> str:
        holder = f"process {self.pid}" if self.pid else "another process"
        return f"{self.path} is held by {holder}: gave up after {self.seconds:g} s"


@dataclass(eq=False)
class AppendFailed(LedgerError):
    """The batch was rolled back whole; append it again when the cause is mended."""

    cause: str

    def __str__(self) -> str:
        return f"nothing was appended: {self.cause}"


@dataclass(eq=False)
class DurabilityUnknown(LedgerError):
    """The sync failed after the write: append the same event_ids again to learn what survived."""

    segment: str
    cause: str

    def __str__(self) -> str:
        return (
            f"{self.segment}: written, but the disk did not confirm it ({self.cause});"
            " append again with the same event_id"
        )


@dataclass(eq=False)
class BadLine(LedgerError):
    """The bytes of one line are not what the format says; the caller knows the place."""

    reason: str

    def __str__(self) -> str:
        return self.reason


@dataclass(eq=False)
class LedgerDamaged(LedgerError):
    """Durable bytes are wrong: nothing was changed; ``runfold verify`` shows how far it goes.

    A line that was looked for by its place in a segment has the position 0, as only its bytes
    could have told which it is.
    """

    segment: str
    position: int
    offset: int
    reason: str

    def __str__(self) -> str:
        where = f" at position {self.position}" if self.position else ""
        return f"the log is damaged{where} ({self.segment}, byte {self.offset}): {self.reason}"


@dataclass(eq=False)
class LedgerReplaced(LedgerError):
    """The log is not the one that was being read: open it anew, and find out who changed it."""

    folder: Path
    reason: str

    def __str__(self) -> str:
        return f"the log in {self.folder.absolute()} was replaced or cut: {self.reason}"


@dataclass(eq=False)
class RepairRefused(LedgerError):
    """The log cannot be repaired so; nothing was changed, and the reason says what would help."""

    folder: Path
    reason: str

    def __str__(self) -> str:
        return f"cannot repair the ledger in {self.folder.absolute()}: {self.reason}"


@dataclass(eq=False)
class BackupRefused(LedgerError):
    """The folder is no backup that this log goes on from: keep it, and name another one.

    ``position`` is the first at which the two are known to differ; 0 where it is about no line.
    """

    folder: Path
    position: int
    reason: str

    def __str__(self) -> str:
        return f"{self.folder.absolute()} is no earlier copy of this log: {self.reason}"


@dataclass(eq=False)
class BadEvidence(LedgerError):
    """What was given is not a tree head, key or evidence file: get it anew from where it is from.

    Attributes:
        what: which of them it should have been.
        reason: where it departs from the format.
    """

    what: str
    reason: str

    def __str__(self) -> str:
        return f"not {self.what}: {self.reason}"


@dataclass(eq=False)
class NotProven(LedgerError):
    """What should be shown is not shown: do not rely on it, and find out who changed what."""

    claim: str
    reason: str

    def __str__(self) -> str:
        return f"not shown that {self.claim}: {self.reason}"


@dataclass(eq=False)
class KeyRefused(LedgerError):
    """A signing key cannot be made, read or used so; the reason says what would help."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@dataclass(eq=False)
class KeyNotFound(KeyRefused):
    """There is no signing key where one was looked for."""


class SigningUnavailable(LedgerError):
    """Signatures need a package that is not installed; all else works without it."""

    def __str__(self) -> str:
        return "signatures need the package cryptography: pip install 'runfold[sign]'"
