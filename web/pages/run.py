"""The page of one run: what happened, in one glance, and then all that is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
from pydantic import Field

from ledger.fields import RUN_ID
from ledger.plain_values import utc_text
from projections import RunHistory, RunSummary
from projections.errors import AsOfNotReached
from projections.statistics.regressions import Speed, speed_of
from web.command_line import command_line
from web.pages.moments import Past
from web.pages.page import Values, Visit
from web.pages.query import PageQuery
from web.pages.run_stages import attempt_rows, failed_attempts, stage_chart
from web.pages.run_trail import RunTrail, position_at_event, read_trail
from web.problems import Problem
from web.run_row import seconds_so_far

__all__ = ["RunQuery", "run_page"]

_EVENTS = 100
_ATTEMPTS = 100

Ordinal = Annotated[int, Field(ge=0, le=10**12)]


class RunQuery(PageQuery):
    """How a run is to be shown.

    Attributes:
        event: as it was when the run had so many events.
        as_of: as it was at a position of the log, or at a time.
        events_after: the list of events goes on behind this one.
        all: show each stage and attempt, however many there are.
    """

    event: Ordinal | None = None
    as_of: Past | None = None
    events_after: Ordinal = 0
    all: bool = False


class _Today(msgspec.Struct, frozen=True):
    """What a page needs of the run as it is now, also where it shows the past."""

    last_sequence: int
    metadata: dict[str, Any]


_read_today = msgspec.json.Decoder(_Today).decode


def run_page(visit: Visit) -> Values | Problem:
    """Show a run, now or as it was."""
    run_id, asked = visit.names["run_id"], visit.asked
    history = visit.history
    text = history.run_json(run_id) if RUN_ID.fullmatch(run_id) else None
    if text is None:
        return unknown_run(run_id)
    today = _read_today(text)
    past = asked.as_of
    if asked.event is not None:
        past = position_at_event(history.reader, run_id, asked.event)
    try:
        text = text if past is None else history.run_json(run_id, as_of=past)
    except AsOfNotReached as error:
        return Problem(404, f"{error}.")
    if text is None:
        then = utc_text(past) if isinstance(past, datetime) else f"position {past} of the log"
        detail = f"The run {run_id} had not begun at {then}."
        return Problem(404, detail, kind="not-begun", title="Not begun yet")
    trail = read_trail(
        history.reader,
        run_id,
        after=asked.events_after,
        limit=_EVENTS,
        annotated=bool(today.metadata),
    )
    return _values(visit, today, RunSummary.model_validate_json(text), trail)


def unknown_run(run_id: str) -> Problem:
    """Say that there is no such run."""
    return Problem(404, f"No run has the id {run_id!r}.", kind="unknown-run", title="Unknown run")


def _values(visit: Visit, today: _Today, run: RunSummary, trail: RunTrail) -> Values:
    is_past = run.last_sequence < today.last_sequence
    now = (run.last_event_at or visit.now) if is_past else visit.now
    goes_on = run.result is None and not is_past
    every = visit.asked.all
    attempts = attempt_rows(run, now=now, most=len(run.attempts) if every else _ATTEMPTS)
    return {
        "run": run,
        "today": today,
        "result": run.result or "running",
        "seconds": seconds_so_far(run, now),
        "is_past": is_past,
        "chart": stage_chart(run, now=now, goes_on=goes_on, every=every),
        "attempts": attempts,
        "attempts_left": len(run.attempts) - len(attempts),
        "skipped": {one.stage: one.reason for one in run.stages_skipped},
        "failures": failed_attempts(run),
        "metrics": {one.stage: one.metrics for one in run.attempts if one.metrics},
        "trail": trail,
        "speeds": [] if is_past else _speeds(visit.history, run.run_id),
        "events_after": visit.asked.events_after,
        "commands": _commands(visit.history, run, is_past=is_past),
        "live": {
            "run": run.run_id,
            "running": goes_on,
            "past": is_past,
            "summary": f"{run.pipeline or 'Run'} {run.result or 'running'}, "
            f"{len(run.stages_executed)} stages begun, {run.last_sequence} events",
        },
    }


def _speeds(history: RunHistory, run_id: str) -> Sequence[Speed]:
    """Give how long the run and its stages took against what is usual, where that is known."""
    speed = speed_of(history, run_id)
    if speed is None:
        return ()
    return [one for one in (speed.run, *speed.stages) if one.usual and one.seconds is not None]


def _commands(history: RunHistory, run: RunSummary, *, is_past: bool) -> list[tuple[str, str]]:
    """Give the commands that show the same in a terminal, each with what it does."""
    folder = history.reader.folder.path
    as_of = ["--as-of", str(run.last_position)] if is_past else []
    commands = (
        ("this view", ["show", run.run_id, *as_of]),
        ("its raw events", ["replay", "--run", run.run_id]),
        ("which event set what", ["explain", run.run_id]),
        ("evidence for others", ["prove", run.run_id, "--out", f"{run.run_id}.evidence"]),
    )
    return [(what, command_line(folder, *words)) for what, words in commands]
