"""The JSON API: what the projections say of the runs, byte for byte."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ledger.fields import RUN_ID
from ledger.sound_reading import OutOfReach
from projections import RunHistory
from projections.degraded import Degraded, degraded_text
from projections.out_of_reach import ranges_text
from web.parameters import RunsQuery, parse_query
from web.problems import Problem, answer

__all__ = ["RunsApi", "health", "position_header"]

_JSON = "application/json"


def position_header(
    position: int,
    out_of_reach: Sequence[OutOfReach] = (),
    degraded: Sequence[Degraded] = (),
) -> Mapping[str, str]:
    """Say which position an answer reflects, and what it lacks.

    Args:
        position: that position.
        out_of_reach: ranges up to there that cannot be read.
        degraded: projections that went on without an event they could not take.
    """
    headers = {"X-Ledger-Position": str(position)}
    lacks = {
        "X-Ledger-Damaged": ranges_text(out_of_reach),
        "X-Ledger-Degraded": degraded_text(degraded),
    }
    return headers | {name: text for name, text in lacks.items() if text}


def health(_request: Request) -> Response:
    """Tell that the process answers; nothing is asked of the log."""
    return JSONResponse({"status": "ok"})


class RunsApi:
    """The runs of one ledger."""

    def __init__(self, history: RunHistory) -> None:
        self._history = history

    def list_runs(self, request: Request) -> Response:
        """List runs, newest first, with the number of all that match."""
        asked = parse_query(RunsQuery, request.query_params)
        page = self._history.runs_page(limit=asked.limit, result_filter=asked.result)
        degraded = self._history.degraded()
        headers = position_header(page.position, page.out_of_reach, degraded)
        return Response(page.encode(), headers=headers, media_type=_JSON)

    def one_run(self, request: Request) -> Response:
        """Give one run with its attempts."""
        run_id: str = request.path_params["run_id"]
        # Taken before the run is read: the answer may be newer than it says, never older.
        headers = position_header(*self._history.standing(), self._history.degraded())
        detail = self._history.run_json(run_id) if RUN_ID.fullmatch(run_id) else None
        if detail is None:
            problem = Problem(
                404, f"No run has the id {run_id!r}.", kind="unknown-run", title="Unknown run"
            )
            return answer(request, problem, headers)
        return Response(detail.encode(), headers=headers, media_type=_JSON)
