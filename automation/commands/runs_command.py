"""``runfold runs``: the runs of a ledger, newest first or in another order."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from automation.commands.options.moments import parse_past
from automation.commands.options.options import FolderOption, JsonOption, PastOption, folder_of
from automation.commands.options.run_filter_options import chooses_runs, with_whole_fingerprint
from automation.commands.printing.lacks import warn_of_lacks
from automation.commands.printing.output import write_json, write_rich
from projections import RunHistory, RunsPage, RunSummary
from projections.listing.run_filter import RunFilter
from projections.listing.run_order import RunKey, RunOrder

__all__ = ["runs"]


@chooses_runs
def runs(
    *,
    matching: RunFilter,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 100,
    sort: Annotated[RunOrder, typer.Option(help="What comes first.")] = RunOrder.NEWEST,
    after: Annotated[
        str | None, typer.Option(metavar="KEY", help="Go on behind the page that named this key.")
    ] = None,
    as_of: PastOption = None,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """List runs, newest first or in another order; only those that meet all conditions."""
    key = None if after is None else RunKey.parse(after)
    past = None if as_of is None else parse_past("--as-of", as_of, datetime.now(UTC))
    with RunHistory(folder_of(folder)) as history:
        chosen = with_whole_fingerprint(matching, history)
        page = history.runs_page(limit=limit, matching=chosen, order=sort, after=key, as_of=past)
        _write(page, as_json=as_json)
        warn_of_lacks(history, pipeline=matching.pipeline)


def _write(page: RunsPage, *, as_json: bool) -> None:
    if as_json:
        found = {**json.loads(page.encode()), "position": page.position}
        write_json(found if page.after is None else {**found, "after": str(page.after)})
        return
    # Needs rich, which JSON does not.
    from automation.commands.printing.runs_table import runs_table  # noqa: PLC0415

    write_rich(runs_table(_summaries(page.items), page))


def _summaries(items: Sequence[str]) -> list[RunSummary]:
    """Read list items, which have no attempts; the table shows none."""
    return [RunSummary.model_validate({**json.loads(item), "attempts": ()}) for item in items]
