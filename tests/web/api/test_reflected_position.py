"""An answer names the position that it reflects, whatever is appended while it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from ledger.evidence.tree_head import current_tree_head
from projections import RunHistory
from projections.runs.explanation import explain_events
from tests.ledger.interleaving import at_call
from tests.web.recorded import record_each_result, record_run
from web.api.endpoint import JSON, Answer, Call
from web.api.evidence import ProofQuery, prove_run
from web.api.explanation import ExplainQuery, explain_run
from web.api.open_streams import OpenStreams
from web.api.served_ledger import ServedLedger
from web.broadcast import Broadcast


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServedLedger]:
    """Serve a ledger with a run of each result, and one that goes on."""
    folder = record_each_result(tmp_path / "runs")
    with closing(ServedLedger(RunHistory(folder), Broadcast(), OpenStreams())) as ledger:
        yield ledger


def ask(answer: Callable[[Call[Any]], Answer], ledger: ServedLedger, asked: object) -> Answer:
    """Call an endpoint."""
    return answer(Call(ledger, asked, JSON, Request({"type": "http"})))


@pytest.mark.parametrize(
    ("answer", "asked", "moment"),
    [
        (explain_run, ExplainQuery(run_id="run-2"), explain_events),
        (prove_run, ProofQuery(run_id="run-2"), current_tree_head),
    ],
)
def test_what_is_appended_meanwhile_is_not_named(
    served: ServedLedger,
    answer: Callable[[Call[Any]], Answer],
    asked: object,
    moment: Callable[..., object],
) -> None:
    """The events of the run were read before, so the position is that of then."""
    before = served.reader.position

    def ask_at_the_moment() -> Answer:
        at_call(moment, lambda: record_run(served.reader.folder.path, "run-9"))
        return ask(answer, served, asked)

    with ThreadPoolExecutor(1) as thread:
        found = thread.submit(ask_at_the_moment).result()

    assert served.reader.position > before
    assert found.position == before
