"""The order of a list, and the key of a place in it, which the next page goes on behind."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Self, TypeVar

import msgspec

from ledger.errors import InvalidEvent
from ledger.plain_values import utc_text
from projections.runs.run_rows import NO_START, micros

__all__ = ["RunKey", "RunOrder"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNKNOWN = "unknown"
_LAST_RUN = 2**63 - 1
Row = TypeVar("Row", bound=tuple[Any, ...])


class RunOrder(StrEnum):
    """By the start or by the duration; runs of unknown duration come last in both directions."""

    NEWEST = "newest"
    OLDEST = "oldest"
    LONGEST = "longest"
    SHORTEST = "shortest"

    @property
    def by_start(self) -> bool:
        """Tell whether it goes by the start, not by the duration."""
        return self in (RunOrder.NEWEST, RunOrder.OLDEST)

    @property
    def descending(self) -> bool:
        """Tell whether what is more comes first."""
        return self in (RunOrder.NEWEST, RunOrder.LONGEST)

    def sorted(self, rows: Sequence[Row]) -> list[Row]:
        """Sort rows that begin with what the order goes by, and the run."""
        unknown = -math.inf if self.descending else math.inf
        return sorted(
            rows,
            key=lambda row: (unknown if row[0] is None else row[0], row[1]),
            reverse=self.descending,
        )


class RunKey(msgspec.Struct, frozen=True):
    """A place in a list: that of one run. As text, like ``start/2026-01-15T10:00:00.123456Z/7``.

    Attributes:
        by_start: whether the list goes by the start, not by the duration.
        at: the start in microseconds since 1970, or the duration in seconds; None where that is
            not known.
        run: the position of the run's first event.
    """

    by_start: bool
    at: float | None
    run: int

    @classmethod
    def of(cls, order: RunOrder, at: float | None, run: int) -> Self:
        """Give the key of a run in a list."""
        return cls(order.by_start, at, run)

    def __str__(self) -> str:
        if not self.by_start:
            return f"duration/{_UNKNOWN if self.at is None else repr(float(self.at))}/{self.run}"
        known = self.at is not None and self.at != NO_START
        at = utc_text(_EPOCH + timedelta(microseconds=int(self.at or 0))) if known else _UNKNOWN
        return f"start/{at}/{self.run}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what ``str`` wrote.

        Raises:
            InvalidEvent: it is no key.
        """
        try:
            kind, at, run = text.split("/")
            place = int(run) if run.isdecimal() and run.isascii() else -1
            if kind not in ("start", "duration") or not 0 <= place <= _LAST_RUN:
                raise ValueError(text)  # noqa: TRY301 - one message for all that is wrong
            if kind == "start":
                return cls(True, NO_START if at == _UNKNOWN else _start(at), place)  # noqa: FBT003 - the first field
            return cls(False, None if at == _UNKNOWN else _duration(at), place)  # noqa: FBT003 - likewise
        except (ValueError, OverflowError):
            message = f"{text!r} is no key of a run in a list; take it from the page before"
            raise InvalidEvent("after", message) from None

    def check_order(self, order: RunOrder) -> None:
        """Refuse a key of a list in another order.

        Raises:
            InvalidEvent: it is one.
        """
        if self.by_start != order.by_start:
            message = f"the key {self} is not of a list that begins with the {order}"
            raise InvalidEvent("after", message)


def _start(text: str) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return micros(utc_text(moment))


def _duration(text: str) -> float:
    seconds = float(text)
    if math.isnan(seconds):
        raise ValueError(text)
    return seconds
