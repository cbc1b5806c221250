"""``runfold runs``: the runs of a ledger, newest first or in another order."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import typer

from automation.commands.damage_warning import warn_of_damage
from automation.commands.degraded_warning import warn_of_degraded
from automation.commands.moments import parse_moment, parse_past
from automation.commands.options import (
    FolderOption,
    JsonOption,
    PastOption,
    folder_of,
    parse_pairs,
)
from automation.commands.output import write_json, write_rich
from projections import RunHistory, RunsPage, RunSummary
from projections.run_filter import RunFilter
from projections.run_order import RunKey, RunOrder

__all__ = ["runs"]

_Text = str | None


def _time_option(name: str, text: str) -> Any:  # noqa: ANN401 - typer's own kind
    return typer.Option(f"--{name}", metavar="TIME", help=text)


def runs(
    *,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 100,
    result: Annotated[
        _Text, typer.Option(help="Only runs that ended so: success, failed or stopped.")
    ] = None,
    running: Annotated[bool, typer.Option("--running", help="Only runs that go on.")] = False,
    pipeline: Annotated[_Text, typer.Option(help="Only runs of this pipeline.")] = None,
    stage: Annotated[_Text, typer.Option(help="Only runs that executed this stage.")] = None,
    failed_stage: Annotated[
        _Text, typer.Option(metavar="STAGE", help="Only runs in which this stage failed.")
    ] = None,
    metadata: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Only runs with this metadata. May be repeated."),
    ] = None,
    started_after: Annotated[_Text, _time_option("started-after", "Started then or later.")] = None,
    started_before: Annotated[_Text, _time_option("started-before", "Started earlier.")] = None,
    ended_after: Annotated[_Text, _time_option("ended-after", "Ended then or later.")] = None,
    ended_before: Annotated[_Text, _time_option("ended-before", "Ended earlier.")] = None,
    duration_above: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Took as long, or longer.")
    ] = None,
    duration_below: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Took less.")
    ] = None,
    reason: Annotated[
        _Text, typer.Option(metavar="TEXT", help="The reason of the failure holds this text.")
    ] = None,
    fingerprint: Annotated[
        _Text, typer.Option(metavar="HEX", help="It failed with this, as runfold failures tells.")
    ] = None,
    sort: Annotated[RunOrder, typer.Option(help="What comes first.")] = RunOrder.NEWEST,
    after: Annotated[
        _Text, typer.Option(metavar="KEY", help="Go on behind the page that named this key.")
    ] = None,
    as_of: PastOption = None,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """List runs, newest first or in another order; only those that meet all conditions."""
    matching = RunFilter(
        result=result,  # type: ignore[arg-type] # any text: the filter names what it may be
        running=running,
        pipeline=pipeline,
        stage_executed=stage,
        stage_failed=failed_stage,
        metadata=parse_pairs("--metadata", metadata or ()),
        started_after=_moment("--started-after", started_after),
        started_before=_moment("--started-before", started_before),
        ended_after=_moment("--ended-after", ended_after),
        ended_before=_moment("--ended-before", ended_before),
        duration_above=duration_above,
        duration_below=duration_below,
        reason=reason,
        fingerprint=fingerprint,
    )
    key = None if after is None else RunKey.parse(after)
    past = None if as_of is None else parse_past("--as-of", as_of)
    with RunHistory(folder_of(folder)) as history:
        page = history.runs_page(limit=limit, matching=matching, order=sort, after=key, as_of=past)
        _write(page, as_json=as_json)
        warn_of_degraded(history)
        warn_of_damage(history)


def _moment(option: str, text: str | None) -> datetime | None:
    return None if text is None else parse_moment(option, text)


def _write(page: RunsPage, *, as_json: bool) -> None:
    if as_json:
        found = json.loads(page.encode())
        write_json(found if page.after is None else {**found, "after": str(page.after)})
        return
    # Needs rich, which JSON does not.
    from automation.commands.runs_table import runs_table  # noqa: PLC0415

    write_rich(runs_table(_summaries(page.items), page.total, page.after))


def _summaries(items: Sequence[str]) -> list[RunSummary]:
    """Read list items, which have no attempts; the table shows none."""
    return [RunSummary.model_validate({**json.loads(item), "attempts": ()}) for item in items]
