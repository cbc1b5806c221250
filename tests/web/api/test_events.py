"""Raw events over HTTP: whole, in pages, of a run and of a type; and what damage does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from starlette.testclient import TestClient

from app import create_app
from ledger import EventLog, NewEvent
from projections import RunHistory
from tests.ledger.damage import flip
from tests.ledger.examples import run_abandoned, run_annotated, run_ended, run_started
from tests.ledger.witness import segments_of
from tests.projections.payloads import imported
from tests.web.recorded import record_each_result
from web.api.events import RunEventsQuery, _followed
from web.api.open_streams import OpenStreams
from web.api.served_ledger import ServedLedger
from web.broadcast import Broadcast, Change

EVENTS = "/api/pipeline/events"
NDJSON = {"accept": "application/x-ndjson"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Record a run of each result, and one that goes on."""
    return record_each_result(tmp_path_factory.mktemp("events") / "runs")


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    """Serve them."""
    with TestClient(create_app(folder)) as client:
        yield client


@pytest.fixture(scope="module")
def lines(folder: Path) -> list[bytes]:
    """Give the lines of the log."""
    return b"".join(path.read_bytes() for path in segments_of(folder)).splitlines(keepends=True)


def test_the_whole_log_is_what_lies_in_the_folder(client: TestClient, lines: list[bytes]) -> None:
    """As NDJSON, all lines come as they are, byte for byte; who asks for the head gets no body."""
    answer = client.get(EVENTS, headers=NDJSON)
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.content == b"".join(lines)
    head = client.head(EVENTS, headers=NDJSON)
    assert (head.content, head.headers["etag"]) == (b"", answer.headers["etag"])


def test_a_format_goes_before_what_is_accepted(client: TestClient) -> None:
    """Both name how events come; without either they come as JSON."""
    assert client.get(f"{EVENTS}?format=json", headers=NDJSON).json()["events"]
    assert client.get(EVENTS).headers["content-type"] == "application/json"
    mixed = {"accept": "application/json;q=0.5, application/x-ndjson"}
    assert client.get(EVENTS, headers=mixed).headers["content-type"] == "application/x-ndjson"


def test_pages_hold_the_lines_themselves(client: TestClient, lines: list[bytes]) -> None:
    """Pages of JSON follow each other to the end, and hold each line, byte for byte."""
    after: int | None = 0
    pages: list[bytes] = []
    while after is not None:
        answer = client.get(f"{EVENTS}?limit=4&after={after}")
        pages.append(answer.content)
        after = answer.json()["next"]
    held = [line.rstrip() for line in lines]
    for number, page in enumerate(pages):
        assert b'{"events":[%b],' % b",".join(held[4 * number : 4 * number + 4]) in page
    assert len(pages) == -(-len(lines) // 4)
    assert client.get(f"{EVENTS}?limit=4&after=4").headers["link"] == (
        '<?limit=4&after=8>; rel="next"'
    )


@pytest.mark.parametrize(
    ("query", "positions"),
    [
        ("after=2&until=4", [3, 4]),
        ("after=999", []),
        ("run=run-2&limit=2", [6, 7]),
        ("run=nobody", []),
        ("run=%00", []),
        ("type=run_started", [2, 6, 10, 14]),
        ("type=run_started&after=2&limit=1", [6]),
        ("run=run-1&type=run_ended", [5]),
    ],
)
@pytest.mark.parametrize("layout", ["json", "ndjson"])
def test_events_can_be_chosen(
    client: TestClient, lines: list[bytes], query: str, positions: list[int], layout: str
) -> None:
    """By position, run and type, in both formats alike."""
    content = client.get(f"{EVENTS}?{query}&format={layout}").content
    chosen = [lines[position - 1].rstrip() for position in positions]
    expected = b"".join(line + b"\n" for line in chosen)
    if layout == "json":
        expected = b'{"events":[%b],"next":' % b",".join(chosen)
    assert content.startswith(expected)
    assert content.count(b'{"position":') == len(positions)


def test_the_events_of_a_run_are_its_lines(client: TestClient, lines: list[bytes]) -> None:
    """In order, from its start; an unknown run is a problem, however its events are asked for."""
    own = [line for line in lines if b'"run_id":"run-3"' in line]
    path = "/api/pipeline/runs/run-3/events"
    assert client.get(path, headers=NDJSON).content == b"".join(own)
    assert client.get("/api/pipeline/runs/nobody/events?follow=true").status_code == 404


def test_following_is_also_asked_for_by_1(client: TestClient) -> None:
    """As NDJSON, to the end of a run that has ended; nothing else stands for a flag."""
    path = "/api/pipeline/runs/run-3/events"
    followed, asked = (client.get(f"{path}?follow={said}") for said in ("1", "true"))
    assert followed.headers["content-type"] == "application/x-ndjson"
    assert followed.content == asked.content
    assert [client.get(f"{path}?follow={said}").status_code for said in ("0", "yes")] == [422, 422]


def test_a_run_that_was_taken_over_has_ended(tmp_path: Path) -> None:
    """Who follows its events gets them, and waits for no others."""
    with EventLog.open(tmp_path / "runs") as log:
        log.append(NewEvent(imported(), "run-1"))
    with TestClient(create_app(tmp_path / "runs")) as client:
        followed = client.get("/api/pipeline/runs/run-1/events?follow=true").text.splitlines()
        behind = client.get("/api/pipeline/runs/run-1/events?follow=true&after=2").text
    assert ['"type":"run_imported"' in line for line in followed if line] == [True]
    assert not behind.strip()


def test_a_run_that_is_presumed_dead_has_ended(tmp_path: Path) -> None:
    """Who follows the run of a machine that is gone does not wait for ever, nor for a remark."""
    with EventLog.open(tmp_path / "runs") as log:
        log.append(run_started("run-1"))
        log.append(run_abandoned("run-1"))
        log.append(run_annotated("run-1"))
    with TestClient(create_app(tmp_path / "runs")) as client:
        path = "/api/pipeline/runs/run-1"
        assert client.get(path).json()["result"] == "failed"
        followed = client.get(f"{path}/events?follow=true").text.splitlines()
    assert [json.loads(line)["type"] for line in followed if line] == [
        *("run_started", "run_abandoned", "run_annotated")
    ]


def test_an_end_that_came_meanwhile_is_sent_before_following_ends(tmp_path: Path) -> None:
    """The summary may know of an end already that lies behind what was read to be sent."""
    with EventLog.open(tmp_path / "runs") as log:
        until = log.append(run_started("run-1")).position
        last = log.append(run_ended("run-1")).position
    broadcast = Broadcast()
    broadcast.publish(Change(last, last))

    async def follow() -> bytes:
        with RunHistory(tmp_path / "runs") as history:
            ledger = ServedLedger(history, broadcast, OpenStreams())
            asked = RunEventsQuery(run_id="run-1", follow=True)
            return b"".join([piece async for piece in _followed(ledger, asked, until)])

    followed = anyio.run(follow).splitlines()
    assert [json.loads(line)["position"] for line in followed] == [until, last]


def test_damage_is_named(tmp_path: Path) -> None:
    """A line that cannot be read is a problem with its position; what lies behind can be asked."""
    folder = record_each_result(tmp_path / "runs")
    [segment] = segments_of(folder)
    lines = segment.read_bytes().splitlines(keepends=True)
    flip(segment, len(b"".join(lines[:6])) + 100)
    with TestClient(create_app(folder)) as client:
        for query in ("", "?format=ndjson"):
            answer = client.get(f"{EVENTS}{query}")
            assert answer.status_code == 503
            assert answer.json()["position"] == 7
        assert client.get(f"{EVENTS}?after=8").status_code == 200
        assert client.get(f"{EVENTS}?until=5").status_code == 200
        # The view has met the damage once it was asked.
        client.get("/api/pipeline/runs")
        ready = client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["damaged_positions"] == 1
    assert "runfold verify" in ready.json()["detail"]
