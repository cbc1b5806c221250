"""The first page: the newest runs and how many there are of each result."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from ledger.folder import DEFAULT_FOLDER
from projections import RunHistory
from projections.out_of_reach import ranges_text
from projections.run_history import RESULTS
from web.ledger_headers import position_header
from web.run_row import run_row
from web.templating import render

__all__ = ["RunsPages"]

_NEWEST = 100


class RunsPages:
    """The pages about the runs of one ledger."""

    def __init__(self, history: RunHistory) -> None:
        self._history = history

    def runs(self, _request: Request) -> Response:
        """Show the page."""
        return self._page("runs.html")

    def runs_fragment(self, _request: Request) -> Response:
        """Show only what changes, for a page that is open to put in place."""
        return self._page("runs_list.html")

    def _page(self, template: str) -> Response:
        # Taken first: the page may be newer than it says, never older.
        position, out_of_reach = self._history.standing()
        degraded = self._history.degraded()
        values = self._values(datetime.now(UTC))
        damaged = ranges_text(out_of_reach)
        body = render(template, position=position, damaged=damaged, degraded=degraded, **values)
        return HTMLResponse(body, headers=position_header(position, out_of_reach, degraded))

    def _values(self, now: datetime) -> Mapping[str, Any]:
        runs = self._history.list_runs(limit=_NEWEST)
        counts: dict[str, int] = {
            result: self._history.get_run_count(result_filter=result) for result in RESULTS
        }
        counts["running"] = len(self._history.running_runs())
        folder = self._history.reader.folder.path
        elsewhere = ["--dir", str(folder)] if folder != DEFAULT_FOLDER else []
        command = ["runfold", "run", "market-data", *elsewhere]
        return {
            "rows": [run_row(run, now) for run in runs],
            "counts": counts,
            "total": sum(counts.values()),
            "folder": repr(str(folder)),
            "first_command": shlex.join(command),
            "root": "./",
        }
