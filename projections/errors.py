"""What can go wrong with a view; the log itself is never touched by it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ledger.errors import InvalidEvent, LedgerError

__all__ = [
    "AsOfNotReached",
    "CandidateBusy",
    "ExportFailed",
    "NoEarlierSuccess",
    "NothingToCompare",
    "ParquetUnavailable",
    "PeriodReversed",
    "ProjectionBehind",
    "ProjectionFailed",
    "ProjectionInvalid",
    "ProjectionMissing",
    "ProjectionNotInstalled",
    "QuestionTooLong",
    "ReadModelOfAnotherLog",
    "ReadModelUnusable",
    "ViewError",
]


class ViewError(LedgerError):
    """A view cannot be used. The log is whole, and can be recorded to and read."""


@dataclass(eq=False)
class AsOfNotReached(LedgerError):
    """A position was asked for that the log has not reached: ask for one that it holds."""

    position: int
    last: int

    def __str__(self) -> str:
        return f"the log does not reach position {self.position}: its last is {self.last}"


@dataclass(eq=False)
class PeriodReversed(InvalidEvent):
    """A period ends before it begins, so that nothing can lie in it: change one of its bounds.

    Attributes:
        begin: what its lower bound is called; ``field`` is the upper one.
    """

    begin: str


@dataclass(eq=False)
class ProjectionBehind(ViewError):
    """Another process is projecting and did not get there in time; look at that process."""

    position: int
    wanted: int
    pid: int | None

    def __str__(self) -> str:
        holder = f"process {self.pid}" if self.pid else "another process"
        return (
            f"the read model is at position {self.position}, the log at {self.wanted};"
            f" {holder} is projecting and did not finish in time"
        )


@dataclass(eq=False)
class QuestionTooLong(ViewError):
    """A question was given up, so that others are answered: ask for less."""

    seconds: float

    def __str__(self) -> str:
        return (
            f"the answer took more than {self.seconds:g} s: ask for fewer runs, or a shorter time"
        )


@dataclass(eq=False)
class ReadModelOfAnotherLog(ViewError):
    """The read model was built from another log, or this log was cut: find out which."""

    path: Path
    position: int
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.path} does not belong to this log at position {self.position}: {self.reason};"
            " find out whether the log was cut or replaced,"
            f" and if it is right, remove {self.path.parent}"
        )


@dataclass(eq=False)
class ReadModelUnusable(ViewError):
    """The read model cannot be read or written; the cause says what to mend. No event is lost."""

    folder: Path
    cause: str

    def __str__(self) -> str:
        return f"the read model in {self.folder.absolute()} cannot be used: {self.cause}"


@dataclass(eq=False)
class ProjectionInvalid(ViewError):
    """A projection that cannot be used: mend it, or remove the package that offers it."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"the projection {self.name} cannot be used: {self.reason}"


@dataclass(eq=False)
class ProjectionMissing(ViewError):
    """The read model holds a projection, or a version of one, whose code is not installed here."""

    name: str
    version: int

    def __str__(self) -> str:
        return (
            f"the read model holds the projection {self.name} {self.version}, which is not"
            " installed here: install its package, or build a model without it: runfold rebuild"
        )


@dataclass(eq=False)
class ProjectionFailed(ViewError):
    """A projection could not take an event in a rebuild; the live model is as it was."""

    name: str
    position: int
    error: str

    def __str__(self) -> str:
        return (
            f"the projection {self.name} failed on the event at position {self.position}:"
            f" {self.error}; mend its code and rebuild again"
        )


@dataclass(eq=False)
class ProjectionNotInstalled(LedgerError):
    """A candidate cannot be promoted: whoever projects next would not have its code."""

    name: str
    version: int

    def __str__(self) -> str:
        return (
            f"the projection {self.name} {self.version} is not what is installed here, so nobody"
            " could go on with it: register it in the entry-point group runfold.projections,"
            " install its package, and promote then"
        )


@dataclass(eq=False)
class NothingToCompare(LedgerError):
    """There is no read model, or none that this version of Runfold can read: build one."""

    folder: Path

    def __str__(self) -> str:
        return (
            f"there is no read model in {self.folder.absolute()} to compare with:"
            " any read builds one, and so does runfold rebuild"
        )


@dataclass(eq=False)
class CandidateBusy(LedgerError):
    """Another rebuild, preview or deep check of this ledger is going on: wait for it."""

    folder: Path
    pid: int | None

    def __str__(self) -> str:
        holder = f"process {self.pid}" if self.pid else "another process"
        return f"{holder} is folding a candidate in {self.folder.absolute()}: wait for it"


@dataclass(eq=False)
class NoEarlierSuccess(LedgerError):
    """There is no success before a run to compare it with: name the run to compare it with."""

    run_id: str
    pipeline: str | None

    def __str__(self) -> str:
        missing = "it is not known of which pipeline it is"
        if self.pipeline is not None:
            missing = f"no run of {self.pipeline} before it succeeded"
        return f"there is no run to compare {self.run_id} with: {missing}; name a second run"


@dataclass(eq=False)
class ExportFailed(LedgerError):
    """A file could not be written in its format; nothing of it is to be used."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path} cannot be written: {self.reason}"


class ParquetUnavailable(LedgerError):
    """Parquet needs a package that is not installed; CSV and JSONL work without it."""

    def __str__(self) -> str:
        return "Parquet needs the package duckdb: pip install 'runfold[parquet]'"
