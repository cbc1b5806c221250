"""An answer names the position that it reflects, whatever is appended while it is made."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from ledger import EventLog
from projections import RunHistory
from tests.ledger.examples import run_annotated
from tests.web.recorded import record_each_result
from web.api.endpoint import JSON, Answer, Call
from web.api.evidence import ProofQuery, prove_run
from web.api.explanation import ExplainQuery, explain_run
from web.api.open_streams import OpenStreams
from web.api.served_ledger import ServedLedger
from web.broadcast import Broadcast

RUN = "run-2"
ASKED = 25


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServedLedger]:
    """Serve a ledger with a run of each result, and one that goes on."""
    folder = record_each_result(tmp_path / "runs")
    with closing(ServedLedger(RunHistory(folder), Broadcast(), OpenStreams())) as ledger:
        yield ledger


def body_of(answer: Answer) -> dict[str, Any]:
    """Read the JSON of an answer."""
    assert isinstance(answer.body, bytes)
    body: dict[str, Any] = json.loads(answer.body)
    return body


def explained(body: dict[str, Any]) -> int:
    """Give the position of the last event that an explanation knows."""
    return int(body["position"])


def proven(body: dict[str, Any]) -> int:
    """Give the position of the last event in an evidence file."""
    return int(json.loads(body["events"][-1]["line"])["position"])


@pytest.mark.parametrize(
    ("answer", "asked", "last_told"),
    [
        (explain_run, ExplainQuery(run_id=RUN), explained),
        (prove_run, ProofQuery(run_id=RUN), proven),
    ],
)
def test_an_answer_tells_all_of_the_run_up_to_the_position_that_it_names(
    served: ServedLedger,
    answer: Callable[[Call[Any]], Answer],
    asked: object,
    last_told: Callable[[dict[str, Any]], int],
) -> None:
    """No more and no less, while somebody else remarks on that run all the time."""
    enough = threading.Event()

    def remark() -> None:
        with EventLog.open(served.reader.folder.path) as log:
            while not enough.is_set():
                log.append(run_annotated(RUN))

    writer = threading.Thread(target=remark)
    request, found = Request({"type": "http"}), list[Answer]()
    writer.start()
    try:
        while writer.is_alive() and (len(found) < ASKED or found[0].position == found[-1].position):
            found.append(answer(Call(served, asked, JSON, request)))
    finally:
        enough.set()
        writer.join()

    named = [each.position or 0 for each in found]
    of_run = [event.position for event in served.reader.read_run(RUN)]
    assert [last_told(body_of(each)) for each in found] == [
        max(at for at in of_run if at <= position) for position in named
    ]
    assert named[0] < named[-1]
