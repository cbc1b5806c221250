"""What can go wrong in automation, beside what the ledger says; each error carries its data.

AutomationError
├── PipelineError         a pipeline is not written as it must be: names the place and the field
├── UnknownPipeline       there is no pipeline of that name
├── RunNotFound           no run in the ledger has that id, or an id that begins so
│   └── RunNotStarted     it has, but only later than the moment that was asked for
├── RunIdAmbiguous        several have an id that begins so
├── FailureNotFound       no failure has that fingerprint, or one that begins so
├── FailureAmbiguous      several have one that begins so
├── BadArgument           an argument of a command is not what it must be
├── SettingsInvalid       a setting is unknown or not what it must be: names the file and the key
├── ImportRefused         lines of a file cannot be imported; nothing of it was taken
├── CannotListen          the server's address cannot be had
├── ExtraMissing          what a command needs is not installed
├── TokenNotFound         there is no token with that id
├── TokensUnusable        the file of tokens cannot be used
├── OrchestratorBusy      one orchestrator runs one pipeline at a time
├── StageTimeout          an attempt took longer than its stage may (recorded, may be retried)
└── CommandFailed         a shell stage ended with another status than 0 (recorded, may be retried)
"""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

__all__ = [
    "AutomationError",
    "BadArgument",
    "CannotListen",
    "CommandFailed",
    "ExtraMissing",
    "FailureAmbiguous",
    "FailureNotFound",
    "ImportRefused",
    "OrchestratorBusy",
    "PipelineError",
    "RefusedLine",
    "RunIdAmbiguous",
    "RunNotFound",
    "RunNotStarted",
    "SettingsInvalid",
    "StageTimeout",
    "TokenNotFound",
    "TokensUnusable",
    "UnknownPipeline",
]


class AutomationError(Exception):
    """Root of the tree."""


@dataclass(eq=False)
class PipelineError(AutomationError):
    """A pipeline was refused before anything ran: mend the named field.

    Attributes:
        field: which part is wrong, like ``stage.retries``.
        reason: what is wrong with it.
        place: the file it stands in, where it comes from one.
    """

    field: str
    reason: str
    place: str | None = None

    def __str__(self) -> str:
        return ": ".join(part for part in (self.place, self.field, self.reason) if part)


@dataclass(eq=False)
class UnknownPipeline(AutomationError):
    """There is no such pipeline: name a TOML file, or one of those that ship."""

    name: str
    known: Sequence[str]

    def __str__(self) -> str:
        known = ", ".join(self.known)
        return (
            f"there is no pipeline {self.name!r}: name a TOML file, or one of: {known};"
            " runfold exec records any command"
        )


@dataclass(eq=False)
class RunNotFound(AutomationError):
    """No run has this id, nor one that begins with it: list the runs that there are."""

    run_id: str
    folder: Path

    def __str__(self) -> str:
        return (
            f"there is no run {self.run_id!r} in {self.folder.absolute()};"
            " runfold runs lists those that there are"
        )


@dataclass(eq=False)
class RunNotStarted(RunNotFound):
    """The run started later than the moment that was asked for: ask for a later one."""

    started_at: datetime | None

    def __str__(self) -> str:
        when = f": it started at {self.started_at.isoformat()}" if self.started_at else ""
        return f"run {self.run_id!r} had not started then{when}"


@dataclass(eq=False)
class RunIdAmbiguous(AutomationError):
    """Several runs have an id that begins with what was given: give more of it."""

    prefix: str
    found: Sequence[str]

    def __str__(self) -> str:
        return f"several runs begin with {self.prefix!r}: {', '.join(self.found)}"


@dataclass(eq=False)
class FailureNotFound(AutomationError):
    """No failure has this fingerprint, nor one that begins with it: list those that there are."""

    fingerprint: str
    folder: Path

    def __str__(self) -> str:
        return (
            f"there is no failure {self.fingerprint!r} in {self.folder.absolute()};"
            " runfold failures --all lists them"
        )


@dataclass(eq=False)
class FailureAmbiguous(AutomationError):
    """Several failures have a fingerprint that begins with what was given: give more of it."""

    prefix: str
    found: Sequence[str]

    def __str__(self) -> str:
        return f"several failures begin with {self.prefix!r}: {', '.join(self.found)}"


@dataclass(eq=False)
class BadArgument(AutomationError):
    """An argument of a command is not what it must be."""

    argument: str
    reason: str

    def __str__(self) -> str:
        return f"{self.argument}: {self.reason}"


@dataclass(eq=False)
class SettingsInvalid(AutomationError):
    """A setting is unknown, or not what it must be: mend it where it stands.

    Attributes:
        place: the file, or the variable of the environment.
        key: which setting, like ``check.within``; empty where the place as a whole is wrong.
        reason: what is wrong with it.
    """

    place: str
    key: str
    reason: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.place, self.key, self.reason) if part)


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """A line of a file that cannot be imported: its 1-based number, and why."""

    number: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.number}: {self.reason}"


@dataclass(eq=False)
class ImportRefused(AutomationError):
    """Lines of a file cannot be imported, so nothing of it was taken: mend them, and try again.

    Attributes:
        file: the file.
        lines: the first of them.
        total: how many there are.
    """

    file: str
    lines: Sequence[RefusedLine]
    total: int

    def __str__(self) -> str:
        more = f"; and {self.total - len(self.lines)} more" if self.total > len(self.lines) else ""
        listed = "; ".join(map(str, self.lines))
        return f"{self.file}: nothing was taken: {listed}{more}"


@dataclass(eq=False)
class CannotListen(AutomationError):
    """The server's address cannot be had: name another port or host."""

    host: str
    port: int
    reason: str

    def __str__(self) -> str:
        return f"cannot listen on {self.host}, port {self.port}: {self.reason}"


@dataclass(eq=False)
class ExtraMissing(AutomationError):
    """A package that the command needs is not there: install the extra that brings it."""

    package: str
    extra: str

    def __str__(self) -> str:
        return (
            f"the package {self.package} is not installed;"
            f" this brings it: pip install 'runfold[{self.extra}]'"
        )


@dataclass(eq=False)
class TokenNotFound(AutomationError):
    """No token has this id: list those that there are."""

    identifier: str
    path: Path

    def __str__(self) -> str:
        return (
            f"there is no token {self.identifier!r} in {self.path}; runfold token list shows them"
        )


@dataclass(eq=False)
class TokensUnusable(AutomationError):
    """The file of tokens cannot be used: nobody is let in until that is mended."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"the tokens in {self.path}: {self.reason}"


@dataclass(eq=False)
class OrchestratorBusy(AutomationError):
    """It is running a pipeline already: wait, or make another orchestrator for the same folder."""

    folder: Path

    def __str__(self) -> str:
        return (
            f"this orchestrator of {self.folder} is running a pipeline already:"
            " wait for it, or make another one"
        )


@dataclass(eq=False)
class StageTimeout(AutomationError):
    """An attempt was ended because it took longer than its stage may."""

    seconds: float

    def __str__(self) -> str:
        return f"took longer than {self.seconds:g} s"


@dataclass(eq=False)
class CommandFailed(AutomationError):
    """A shell command ended with another status than 0.

    Attributes:
        status: the exit status, 0 where a signal ended it.
        signal_number: the signal that ended it, 0 where none did.
        last_line: the last line it printed that is not blank.
    """

    status: int
    signal_number: int
    last_line: str

    @classmethod
    def of(cls, returncode: int, last_line: str) -> CommandFailed:
        """Make the error from what ``subprocess`` calls a return code."""
        return cls(max(returncode, 0), max(-returncode, 0), last_line)

    def __str__(self) -> str:
        ended = f"exit status {self.status}"
        if self.signal_number:
            ended = f"killed by {_signal_name(self.signal_number)}"
        return f"{ended}: {self.last_line}" if self.last_line else ended


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        # Real-time signals between the first and the last have no names of their own.
        return f"signal {number}"
