"""Compare two runs: what each came to, how long it took, and where their ways parted.

Pure, and symmetric: compared the other way round, the same comes out mirrored.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from ledger.line.replayed import ReplayedEvent
from projections.comparing.paired_attempts import AttemptPair, pair_attempts
from projections.comparing.paired_values import DurationPair, ValuePair, pair_durations, pair_values
from projections.comparing.run_course import CourseEvent, course_of, first_missing
from projections.runs.run_summary import RunSummary, UtcText
from projections.statistics.baselines import Baseline

__all__ = [
    "NO_BASELINE",
    "ComparedRun",
    "Parting",
    "PartingEvent",
    "RunComparison",
    "compare_runs",
]

NO_BASELINE = Baseline(run=None, stages={})
"""Where it is not known what is usual."""

_OWN = (
    "run_id",
    "started_at",
    "ended_at",
    "duration_seconds",
    "started_position",
    "last_position",
    "last_sequence",
    "last_event_at",
)
"""What no two runs share: it stands with each run, and is no difference."""

_APART = frozenset({*_OWN, "parameters", "metadata", "attempts", "writer"})


class _Served(BaseModel):
    model_config = ConfigDict(frozen=True)


class ComparedRun(_Served):
    """One of two runs: what it is known by, and what no two runs share."""

    run_id: str
    pipeline: str | None
    result: str | None
    liveness: str | None
    started_at: UtcText | None
    ended_at: UtcText | None
    duration_seconds: float | None
    started_position: int
    last_position: int
    last_sequence: int
    last_event_at: UtcText | None


class PartingEvent(_Served):
    """An event of a run that another did not have; ``run_course.py`` says what counts of one."""

    type: str
    position: int
    sequence: int
    stage: str | None
    attempt: int | None
    result: str | None
    error: str | None


class Parting(_Served):
    """Where two runs part: at the first event of either that the other does not have.

    Attributes:
        shared: how many events come before it.
        a: the first event of the first run that the second does not have; null where it has all.
        b: the first event of the second run that the first does not have; likewise.
    """

    shared: int
    a: PartingEvent | None
    b: PartingEvent | None


class RunComparison(_Served):
    """Two runs side by side.

    Attributes:
        a: the first run, which is asked about.
        b: the second, which it is compared with.
        equal: whether they did the same to the same end: nothing below differs but durations.
        fields: the fields of the summaries, but for those that stand apart or with each run; notes
            and anomalies without their times and positions, of the writer its host.
        parameters: what the runs were asked to do.
        metadata: what is known about them.
        duration: how long the runs took.
        attempts: the attempts of their stages, in order.
        parting: where their ways part; null where they do not.
        position: the position all of this reflects.
    """

    a: ComparedRun
    b: ComparedRun
    equal: bool
    fields: tuple[ValuePair, ...]
    parameters: tuple[ValuePair, ...]
    metadata: tuple[ValuePair, ...]
    duration: DurationPair
    attempts: tuple[AttemptPair, ...]
    parting: Parting | None
    position: int

    def differences(self) -> Self:
        """Leave out the values that are the same; all attempts stay, for their durations."""
        named = {name: getattr(self, name) for name in ("fields", "parameters", "metadata")}
        kept: dict[str, Any] = {name: _differing(pairs) for name, pairs in named.items()}
        kept["attempts"] = tuple(
            pair.model_copy(update={"metrics": _differing(pair.metrics)}) if pair.metrics else pair
            for pair in self.attempts
        )
        return self.model_copy(update=kept)


def compare_runs(
    a: RunSummary,
    b: RunSummary,
    events_a: Iterable[ReplayedEvent],
    events_b: Iterable[ReplayedEvent],
    *,
    position: int,
    baseline: Baseline = NO_BASELINE,
) -> RunComparison:
    """Compare two runs, which may be one.

    Args:
        a: the first run, which is asked about.
        b: the second.
        events_a: the events of the first, in order.
        events_b: those of the second.
        position: what both summaries reflect.
        baseline: how long such runs and their stages usually take.
    """
    ours, theirs = _fields(a), _fields(b)
    fields = tuple(pair_values(ours, theirs, ours))
    parameters = tuple(pair_values(a.parameters, b.parameters))
    metadata = tuple(pair_values(a.metadata, b.metadata))
    attempts = tuple(pair_attempts(a, b, baseline.stages))
    parting = _parting(course_of(events_a), course_of(events_b))
    pairs: list[ValuePair | AttemptPair] = [*fields, *parameters, *metadata, *attempts]
    return RunComparison(
        a=_run(a),
        b=_run(b),
        equal=parting is None and all(pair.equal for pair in pairs),
        fields=fields,
        parameters=parameters,
        metadata=metadata,
        duration=pair_durations(a.duration_seconds, b.duration_seconds, baseline.run),
        attempts=attempts,
        parting=parting,
        position=position,
    )


def _run(run: RunSummary) -> ComparedRun:
    own = {name: getattr(run, name) for name in _OWN}
    return ComparedRun(pipeline=run.pipeline, result=run.result, liveness=run.liveness, **own)


def _fields(run: RunSummary) -> dict[str, Any]:
    values = run.model_dump(mode="json", exclude=set(_APART))
    values["notes"] = [{"note": note.note, "actor": note.actor} for note in run.notes]
    values["anomalies"] = [anomaly.rule for anomaly in run.anomalies]
    values["host"] = run.writer.host if run.writer else None
    return values


def _parting(a: list[CourseEvent], b: list[CourseEvent]) -> Parting | None:
    places = first_missing(a, b)
    found = [place for place in places if place is not None]
    if not found:
        return None
    events = [
        None if place is None else _shown(course[place])
        for place, course in zip(places, (a, b), strict=True)
    ]
    return Parting(shared=min(found), a=events[0], b=events[1])


def _shown(event: CourseEvent) -> PartingEvent:
    return PartingEvent(
        type=event.type,
        position=event.position,
        sequence=event.sequence,
        stage=event.stage,
        attempt=event.attempt,
        result=event.result,
        error=event.error,
    )


def _differing(pairs: tuple[ValuePair, ...]) -> tuple[ValuePair, ...]:
    return tuple(pair for pair in pairs if not pair.equal)
