"""Which runs are asked for: one value, whose conditions hold together."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from ledger.errors import InvalidEvent
from ledger.events import Result
from ledger.plain_values import check_json, check_text
from projections.listing.period import check_period

__all__ = ["ANY_RUN", "LONGEST_REASON", "PERIODS", "RESULTS", "RunFilter", "check_moment"]

RESULTS: tuple[Result, ...] = ("success", "failed", "stopped")
LONGEST_REASON = 1_000
"""Characters of a text that is looked for in the reasons of failures."""

PERIODS = (
    ("started_after", "started_before"),
    ("ended_after", "ended_before"),
    ("duration_above", "duration_below"),
)
"""The conditions that are the two bounds of one period each."""

_TIMES = ("started_after", "started_before", "ended_after", "ended_before")


class RunFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What a run must be to be listed; what is None is not asked for.

    Bounds adjoin: ``after`` and ``above`` take the bound in, ``before`` and ``below`` leave it out.
    So equal ones have nothing between them, and can be asked for; those the wrong way round cannot.

    Attributes:
        result: how it ended.
        running: it has no end yet.
        pipeline: the name of its pipeline.
        stage_executed: a stage that was begun.
        stage_failed: a stage whose last attempt failed.
        metadata: each of these keys has this value; text also finds the value of that JSON, so
            ``"5"`` finds 5.
        started_after: aware, as all times here.
        started_before: a run of which no start is known has no start before anything.
        ended_after: only runs that have ended.
        ended_before: likewise.
        duration_above: seconds, of runs whose duration is known.
        duration_below: likewise.
        reason: text that the reason of the failure holds, literally but for upper and lower case.
        fingerprint: an attempt failed with this one, tried again or not.
    """

    result: Result | None = None
    running: bool = False
    pipeline: str | None = None
    stage_executed: str | None = None
    stage_failed: str | None = None
    metadata: Mapping[str, Any] = msgspec.field(default_factory=dict)
    started_after: datetime | None = None
    started_before: datetime | None = None
    ended_after: datetime | None = None
    ended_before: datetime | None = None
    duration_above: float | None = None
    duration_below: float | None = None
    reason: str | None = None
    fingerprint: str | None = None

    def __post_init__(self) -> None:
        """Refuse what no run can be asked for.

        Raises:
            InvalidEvent: names the field.
            PeriodReversed: a period ends before it begins; names both of its bounds.
        """
        if self.result is not None and self.result not in RESULTS:
            message = f"{self.result!r} is not one of {', '.join(RESULTS)}"
            raise InvalidEvent("result", message)
        if self.result is not None and self.running:
            raise InvalidEvent("result", f"{self.result!r} is none of a run that goes on")
        for name in _TIMES:
            moment = getattr(self, name)
            if moment is not None:
                check_moment(name, moment)
        for name in ("duration_above", "duration_below"):
            if math.isnan(getattr(self, name) or 0.0):
                raise InvalidEvent(name, "NaN is no number of seconds")
        for begin, end in PERIODS:
            check_period((begin, getattr(self, begin)), (end, getattr(self, end)))
        if self.reason is not None and len(self.reason) > LONGEST_REASON:
            raise InvalidEvent("reason", f"longer than {LONGEST_REASON} characters")
        self._check_texts()

    def _check_texts(self) -> None:
        for name in ("pipeline", "stage_executed", "stage_failed", "reason", "fingerprint"):
            try:
                check_text(getattr(self, name) or "", "text")
            except ValueError as error:
                raise InvalidEvent(name, str(error)) from None
        try:
            check_json(dict(self.metadata))
        except ValueError as error:
            raise InvalidEvent("metadata", str(error)) from None

    @property
    def is_kept(self) -> bool:
        """Tell whether the number of such runs is kept: they differ in kind only."""
        kind = RunFilter(result=self.result, running=self.running, pipeline=self.pipeline)
        return self == kind


ANY_RUN = RunFilter()


def check_moment(field: str, moment: datetime) -> None:
    """Refuse a time that is none of the log.

    Raises:
        InvalidEvent: it has no zone, or lies beyond the calendar of UTC; names the field.
    """
    if moment.tzinfo is None:
        raise InvalidEvent(field, "a time needs its zone: give an aware datetime")
    try:
        moment.astimezone(UTC)
    except OverflowError:
        raise InvalidEvent(field, "a time beyond the calendar of UTC") from None
