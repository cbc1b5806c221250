"""The raw events: the log itself, the newest first, with a link for each position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from ledger.events import EVENT_TYPES
from ledger.fields import RUN_ID
from projections.pipelines.pipeline_counts import pipeline_names
from web.addresses import with_query
from web.command_line import command_line
from web.pages.log_page import EventFilter, Gap, LogPage, read_log_page
from web.pages.page import Values, Visit
from web.pages.query import PageQuery
from web.problems import Problem

__all__ = ["EventsQuery", "events_page"]

_PAGE = 50
_AROUND = _PAGE // 2

Text = Annotated[str, Field(max_length=200)]
Position = Annotated[int, Field(ge=1, le=10**12)]


class EventsQuery(PageQuery):
    """Which events to list, and from where on.

    Attributes:
        run: only those of this run.
        type: only those of this type.
        pipeline: only those of runs of this pipeline.
        before: only what lies before this position.
        at: the page around this position, with its event open.
        follow: let new events in as they come.
    """

    run: Text | None = None
    type: Text | None = None
    pipeline: Text | None = None
    before: Position | None = None
    at: Position | None = None
    follow: bool = False


def events_page(visit: Visit) -> Values | Problem:
    """List events, the newest first."""
    asked: EventsQuery = visit.asked
    last = visit.position
    if asked.at is not None and asked.at > last:
        return Problem(
            404,
            f"The log does not reach position {asked.at}: its last is {last}.",
            kind="as-of-not-reached",
            title="The log does not reach that far",
        )
    # The tail takes in what has come since the page was asked for.
    before = min(_first_below(asked), max(last, visit.history.reader.position) + 1)
    matching = EventFilter(asked.run, asked.type, asked.pipeline)
    page = read_log_page(visit.history, matching, before=before, limit=_PAGE)
    is_tail = asked.before is None and asked.at is None
    is_past = not is_tail and before <= last
    return {
        "asked": asked,
        "pipelines": pipeline_names(visit.history),
        "found": page,
        "rows": [(row, isinstance(row, Gap)) for row in page.rows],
        "is_tail": is_tail,
        "types": _types(asked.type),
        "filtered": not matching.is_all,
        "addresses": _addresses(asked, page, last),
        "command": _command(visit, asked),
        "most": _PAGE,
        "live": {
            "run": asked.run if asked.run and RUN_ID.fullmatch(asked.run) else None,
            "running": False,
            "past": is_past,
            "summary": f"{last:,} events",
        },
    }


def _first_below(asked: EventsQuery) -> int:
    if asked.at is not None:
        return max(asked.at + _AROUND, _PAGE) + 1
    return asked.before or 10**18


def _types(chosen: str | None) -> Sequence[str]:
    known = sorted(EVENT_TYPES)
    return known if chosen is None or chosen in known else [*known, chosen]


def _addresses(asked: EventsQuery, page: LogPage, last: int) -> Mapping[str, str | None]:
    newest = page.rows[0].position if page.rows else last
    # With a condition nobody knows how far above the page before it begins.
    is_known = (asked.run, asked.type, asked.pipeline) == (None, None, None)
    return {
        "tail": _address(asked),
        "follow": _address(asked, follow=True),
        "pause": _address(asked),
        "older": _address(asked, before=page.before) if page.before else None,
        "newer": _address(asked, before=newest + _PAGE + 1) if is_known and newest < last else None,
    }


def _address(asked: EventsQuery, **changes: Any) -> str:  # values of the query
    kept = {"run": asked.run, "type": asked.type, "pipeline": asked.pipeline, **changes}
    pairs = [(name, value) for name, value in kept.items() if value is not None]
    return with_query(
        "events",
        [(name, "true" if value is True else str(value)) for name, value in pairs],
    )


def _command(visit: Visit, asked: EventsQuery) -> str:
    words = ["--run", asked.run] if asked.run else []
    words += ["--type", asked.type] if asked.type else []
    return command_line(visit.history.reader.folder.path, "replay", *words)
