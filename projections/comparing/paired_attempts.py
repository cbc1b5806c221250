"""The attempts of two runs side by side: by stage and attempt, in an order that suits both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from projections.comparing.paired_values import DurationPair, ValuePair, pair_durations, pair_values
from projections.runs.run_summary import Attempt, AttemptResult, RunSummary
from projections.statistics.baselines import Usual

__all__ = ["AttemptPair", "AttemptSide", "merged", "pair_attempts"]

_Key = tuple[str, int]


class _Served(BaseModel):
    model_config = ConfigDict(frozen=True)


class AttemptSide(_Served):
    """What an attempt came to in one of two runs.

    Attributes:
        result: ``skipped`` where the stage was not tried; null while the attempt is open.
        reason: of a failure the class of the error and what it says; of a stage that was skipped,
            why.
    """

    result: Literal["success", "failed", "stopped", "skipped"] | None
    reason: str | None = None


class AttemptPair(_Served):
    """One attempt of a stage in two runs. A skipped stage stands where its first attempt would.

    Attributes:
        stage: its name.
        attempt: from 1.
        a: what it came to in the first run; null where that did not get there.
        b: likewise in the second.
        duration: how long it took.
        metrics: its metrics.
        equal: whether both came to the same result with the same metrics; of failures, for the
            same reason.
    """

    stage: str
    attempt: int
    a: AttemptSide | None
    b: AttemptSide | None
    duration: DurationPair
    metrics: tuple[ValuePair, ...]
    equal: bool

    @property
    def was_tried(self) -> bool:
        """Whether either run tried it; else the stage was skipped, and has no attempts."""
        return any(side is not None and side.result != "skipped" for side in (self.a, self.b))


_RESULTS: Sequence[AttemptResult | None] = (None, "success", "failed", "stopped")
# Nearly all attempts are one of these, which need not be made for each.
_PLAIN_SIDES = {result: AttemptSide(result=result) for result in _RESULTS}


def pair_attempts(
    a: RunSummary, b: RunSummary, usual: Mapping[str, Usual]
) -> Iterator[AttemptPair]:
    """Pair the attempts of two runs.

    Args:
        a: the first run.
        b: the second.
        usual: how long each stage usually takes.
    """
    tried_a, tried_b = _tried(a), _tried(b)
    ours, theirs = _sides(a, tried_a), _sides(b, tried_b)
    for key in merged(list(ours), list(theirs)):
        here, there = tried_a.get(key), tried_b.get(key)
        metrics = tuple(pair_values(here.metrics if here else {}, there.metrics if there else {}))
        yield AttemptPair(
            stage=key[0],
            attempt=key[1],
            a=ours.get(key),
            b=theirs.get(key),
            duration=pair_durations(
                here.duration_seconds if here else None,
                there.duration_seconds if there else None,
                usual.get(key[0]),
            ),
            metrics=metrics,
            equal=ours.get(key) == theirs.get(key) and all(pair.equal for pair in metrics),
        )


def merged(a: Sequence[_Key], b: Sequence[_Key]) -> list[_Key]:
    """Merge two orders into one that keeps both, as far as they agree.

    What only one has comes before what both go on with; where the two disagree, or nothing tells,
    the lesser comes first. So it is the same when the two are exchanged.
    """
    order: list[_Key] = []
    in_a, in_b, done = frozenset(a), frozenset(b), set[_Key]()
    at, to = 0, 0
    while at < len(a) or to < len(b):
        here = a[at] if at < len(a) else None
        there = b[to] if to < len(b) else None
        if here in done:
            at += 1
        elif there in done:
            to += 1
        else:
            heads = [key for key in (here, there) if key is not None]
            alone = [key for key in heads if not (key in in_a and key in in_b)]
            chosen = min(alone or heads)
            order.append(chosen)
            done.add(chosen)
    return order


def _tried(run: RunSummary) -> Mapping[_Key, Attempt]:
    return {(attempt.stage, attempt.attempt): attempt for attempt in run.attempts}


def _sides(run: RunSummary, tried: Mapping[_Key, Attempt]) -> dict[_Key, AttemptSide]:
    sides = {key: _side(attempt) for key, attempt in tried.items()}
    for skipped in run.stages_skipped:
        side = AttemptSide(result="skipped", reason=skipped.reason)
        sides.setdefault((skipped.stage, 1), side)
    return sides


def _side(attempt: Attempt) -> AttemptSide:
    error = attempt.error
    if error is None:
        return _PLAIN_SIDES[attempt.result]
    reason = f"{error.type}: {error.message}" if error.message else error.type
    return AttemptSide(result=attempt.result, reason=reason)
