"""The course of a run: what it did, event by event, without what differs from run to run.

What counts of an event, so that two runs which did the same have the same course:

- ``run_started``: the pipeline and the stages planned. Parameters and metadata are compared apart.
- ``stage_started``, ``stage_completed``, ``stage_stopped``: the stage and the attempt.
- ``stage_failed``: these, whether it will be tried again, and the fingerprint of the failure: two
  failures that a person calls the same are the same.
- ``stage_skipped``: the stage.
- ``run_ended``: the result; of a failure the reason, its values made blank.
- ``run_imported``: the result. ``run_abandoned`` and types that are not known: the type.

Times, ids, positions, durations, metrics and output do not count. ``run_annotated`` is left out: it
is a remark on what a run did.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from ledger.line.replayed import ReplayedEvent, is_unread
from projections.failures.blanking import blanked
from projections.failures.fingerprint import fingerprint_of

__all__ = ["CourseEvent", "course_of", "first_missing"]

_REMARK = "run_annotated"
_What = tuple[Any, ...]


class CourseEvent(msgspec.Struct, frozen=True):
    """An event of a course: what counts of it, and what it is shown by.

    Attributes:
        what: what counts, beginning with the type.
        position: where the event lies in the log.
        sequence: where it lies in its run.
        stage: the stage it is about, if it is about one.
        attempt: the attempt, likewise.
        result: what the run ended as, where this is its end.
        error: the class of the error, where an attempt failed.
    """

    what: _What
    position: int
    sequence: int
    stage: str | None = None
    attempt: int | None = None
    result: str | None = None
    error: str | None = None

    @property
    def type(self) -> str:
        """The name of its type."""
        name: str = self.what[0]
        return name


def course_of(events: Iterable[ReplayedEvent]) -> list[CourseEvent]:
    """Give the course of one run from its events, in order."""
    return [_course_event(event) for event in events if event.type != _REMARK]


def first_missing(
    a: Sequence[CourseEvent], b: Sequence[CourseEvent]
) -> tuple[int | None, int | None]:
    """Find the first event of each course that the other does not have.

    So the same events in another order, as of stages that run at the same time, are no difference.

    Returns:
        How many events of the first course come before that one, and of the second; None where
        the other course has all of it.
    """
    ours, theirs = (Counter(event.what for event in course) for course in (a, b))
    return _first_beyond(a, theirs), _first_beyond(b, ours)


def _first_beyond(course: Sequence[CourseEvent], other: Counter[_What]) -> int | None:
    left = other.copy()
    for at, event in enumerate(course):
        if not left[event.what]:
            return at
        left[event.what] -= 1
    return None


def _course_event(event: ReplayedEvent) -> CourseEvent:
    what = () if is_unread(event) else _WHAT.get(event.type, _nothing)(event.data)
    data: Any = None if is_unread(event) else event.data
    error = getattr(data, "error", None)
    return CourseEvent(
        what=(event.type, *what),
        position=event.position,
        sequence=event.sequence,
        stage=getattr(data, "stage", None),
        attempt=getattr(data, "attempt", None),
        result=getattr(data, "result", None),
        error=None if error is None else error.type,
    )


def _nothing(_data: Any) -> _What:  # noqa: ANN401 - a payload of any type
    return ()


def _failed(data: Any) -> _What:  # noqa: ANN401 - the struct that stands for StageFailed
    error = data.error
    fingerprint = fingerprint_of(data.stage, error.type, error.message, error.traceback)
    return data.stage, data.attempt, data.will_retry, fingerprint


# Each takes the struct that stands for the model of its type.
_WHAT: Mapping[str, Callable[[Any], _What]] = {
    "run_started": lambda data: (data.pipeline, data.stages),
    "stage_started": lambda data: (data.stage, data.attempt),
    "stage_completed": lambda data: (data.stage, data.attempt),
    "stage_failed": _failed,
    "stage_stopped": lambda data: (data.stage, data.attempt),
    "stage_skipped": lambda data: (data.stage,),
    "run_ended": lambda data: (data.result, blanked(data.failure_reason or "")),
    "run_imported": lambda data: (data.summary.result,),
}
