"""Runs that fail, told in few words, and what a list of failures says of them."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from ledger import NewEvent
from ledger.events import (
    ErrorInfo,
    EventData,
    FailureAcknowledged,
    Result,
    RunStarted,
    StageFailed,
)
from projections import RunHistory
from projections.failures.by_fingerprint import FailuresPage, list_failures
from projections.failures.fingerprint import fingerprint_of
from tests.projections.payloads import WRITER, began, done, ended
from tests.projections.recorded import at

__all__ = ["Teller", "Told", "fingerprint", "listed", "messages", "said"]

Told = list[NewEvent]


class Teller:
    """Tells runs of pipelines, one after the other, a minute apart."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def run(
        self,
        *stages: str,
        pipeline: str = "nightly",
        version: str | None = None,
        outside: str | None = None,
    ) -> Told:
        """Tell a run.

        A stage is told as ``load``, as ``load: what it fails with`` or, where it passes when it is
        tried again, as ``load? what it failed with``.
        """
        number = next(self._numbers)
        told: list[EventData] = [RunStarted(pipeline=pipeline, writer=WRITER, code_version=version)]
        failed = False
        for stage in stages:
            name, message = stage[:4], stage[6:]
            told.append(began(name))
            if not message:
                told.append(done(name))
                continue
            error = ErrorInfo(type="ValueError", message=message)
            told.append(StageFailed(stage=name, attempt=1, error=error, elapsed_seconds=0.5))
            if stage[4] == "?":
                told += [began(name, 2), done(name, 2)]
            else:
                failed = True
        result: Result = "failed" if failed or outside else "success"
        told.append(ended(result, outside or ("a stage failed" if failed else None)))
        return [
            NewEvent(data, f"run-{number:03}", occurred_at=at(60 * number + second))
            for second, data in enumerate(told)
        ]


def fingerprint(stage: str | None, message: str) -> str:
    """Give the fingerprint of what the teller tells."""
    return fingerprint_of(stage, "ValueError" if stage else "", message)


def said(stage: str | None, message: str, note: str = "known") -> NewEvent:
    """Acknowledge a failure."""
    data = FailureAcknowledged(fingerprint=fingerprint(stage, message), note=note, actor="anna")
    return NewEvent(data, occurred_at=at(0))


def listed(folder: Path, **asked: Any) -> FailuresPage:
    """List the failures of a ledger."""
    with RunHistory(folder) as history:
        return list_failures(history, **asked)


def messages(page: FailuresPage) -> list[str]:
    """Give what the groups say, in order."""
    return [group.message for group in page.groups]
