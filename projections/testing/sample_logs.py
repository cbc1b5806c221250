"""Small logs that hold everything a log can hold, made from a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from ledger.events import EventData, NewEvent
from ledger.line.codec import Body, encode_body
from ledger.plain_values import utc_text
from projections.testing.sample_stories import Odd, Told, stories
from projections.testing.scratch_log import Written, encode_written

__all__ = ["sample_logs"]

_BEGIN = datetime(2026, 1, 15, 10, tzinfo=UTC)
_LONGEST_BATCH = 4


def sample_logs(*, seed: int = 0, count: int = 3) -> Iterator[list[bytes]]:
    """Yield the lines of logs, without their newlines; the same seed gives the same logs.

    Each log holds every event type, in runs that interleave: retries, failures, stages that overlap
    and nest, runs that were stopped, abandoned, resurrected, imported, annotated late or never
    ended, clocks that were set back or run ahead, events that say again what was said, events after
    an end and before a start, and types and versions that nobody knows.

    Args:
        seed: of names, values and order.
        count: how many logs.
    """
    for number in range(count):
        choice = random.Random(f"{seed}/{number}")  # noqa: S311 - so that a failure comes back
        yield encode_written(_batches(_interleaved(stories(choice), choice), choice))


def _interleaved(
    waiting: Sequence[tuple[str | None, list[Told]]], choice: random.Random
) -> Iterator[tuple[str | None, Told]]:
    """Begin with the first story, then tell all others at once, each in its order."""
    first, *others = [(run_id, list(told)) for run_id, told in waiting]
    for told in first[1]:
        yield first[0], told
    while others:
        run_id, rest = choice.choice(others)
        yield run_id, rest.pop(0)
        others = [story for story in others if story[1]]


def _batches(told: Iterator[tuple[str | None, Told]], choice: random.Random) -> Iterator[Written]:
    """Let events be recorded in batches, a little after they occurred."""
    moment = _BEGIN
    bodies: list[Body] = []
    wanted = 1
    said: dict[str | None, Body] = {}
    for number, (run_id, one) in enumerate(told):
        moment += timedelta(microseconds=choice.randrange(1, 5_000_000))
        body = _body(number, run_id, one, moment + timedelta(seconds=one.skew))
        if one.again:
            body = said[run_id]
        said[run_id] = body
        bodies.append(body)
        if len(bodies) == wanted:
            yield from _recorded(bodies, moment)
            bodies, wanted = [], choice.randint(1, _LONGEST_BATCH)
    yield from _recorded(bodies, moment)


def _recorded(bodies: Sequence[Body], moment: datetime) -> Iterator[Written]:
    recorded_at = utc_text(moment + timedelta(microseconds=543))
    for number, body in enumerate(bodies, 1):
        yield Written(body, recorded_at, len(bodies) - number)


def _body(number: int, run_id: str | None, told: Told, moment: datetime) -> Body:
    event_id = f"00000000-0000-4000-8000-{number:012x}"
    if isinstance(told.data, EventData):
        return encode_body(NewEvent(told.data, run_id, event_id, moment))
    odd: Odd = told.data
    return Body(event_id, run_id, odd.type, odd.version, utc_text(moment), odd.payload)
