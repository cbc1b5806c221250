"""The page that explains a run: for each field of its summary the events that set it, and how."""

from __future__ import annotations

from ledger.errors import LedgerDamaged
from ledger.fields import RUN_ID
from projections.runs.explanation import explain
from web.pages.page import Values, Visit
from web.pages.run import unknown_run
from web.problems import Problem

__all__ = ["explain_page"]

_MOST_PARTS = 100


def explain_page(visit: Visit) -> Values | Problem:
    """Explain the summary of a run."""
    run_id = visit.names["run_id"]
    run = visit.history.get_run(run_id) if RUN_ID.fullmatch(run_id) else None
    if run is None:
        return unknown_run(run_id)
    try:
        explanation = explain(visit.history, run_id)
    except LedgerDamaged as error:
        return Problem(503, f"{error}.", kind="ledger-damaged", title="The log is damaged")
    if explanation is None:
        return unknown_run(run_id)
    return {
        "run": run,
        "explanation": explanation,
        "most_parts": _MOST_PARTS,
        "live": {
            "run": run_id,
            "running": False,
            "past": False,
            "summary": f"{run.last_sequence} events explained",
        },
    }
