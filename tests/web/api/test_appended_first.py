"""The short way of an append: nobody can tell it from the long one but by the time it takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app import create_app
from ledger import EventLog, LogReader
from tests.ledger.examples import event_id
from tests.web.posting import EVENTS, sent_stage, sent_start
from tests.web.serving import EVERYBODY
from web.safety.admission import Admission

SHORT = {"content-type": "application/json"}
LONG = {"content-type": "application/json; charset=utf-8"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make an empty ledger."""
    EventLog.open(tmp_path).close()
    return tmp_path


@pytest.fixture
def client(folder: Path) -> Iterator[TestClient]:
    """Serve it."""
    with TestClient(create_app(folder, admission=EVERYBODY)) as client:
        yield client


def said(client: TestClient, body: bytes, headers: dict[str, str]) -> tuple[int, Any, Any]:
    """Send a body, and give all that the answer says."""
    answer = client.post(EVENTS, content=body, headers=headers)
    return answer.status_code, dict(answer.headers), answer.json()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(json.dumps(sent_start("r", 1)).encode(), id="what is there already"),
        pytest.param(json.dumps([sent_start("r", 1), sent_stage("r")]).encode(), id="a batch"),
        pytest.param(json.dumps(sent_start("r", 2)).encode(), id="a second start"),
        pytest.param(json.dumps(sent_stage("r", "load", 1)).encode(), id="an id taken"),
        pytest.param(json.dumps({**sent_stage("r"), "type": "slept"}).encode(), id="no such type"),
        pytest.param(b'{"type":"run_started","type":"run_ended"}', id="a key twice"),
        pytest.param(b"{", id="no JSON"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"[]", id="no event"),
    ],
)
def test_the_answer_is_the_same(client: TestClient, body: bytes) -> None:
    """Status, headers and body, of what is taken and of what is refused."""
    client.post(EVENTS, json=sent_start("r", 1))
    once = said(client, body, LONG)

    if once[0] == 200 and b"stage_started" in body:
        # The second time it is there already.
        once = said(client, body, LONG)
    assert said(client, body, SHORT) == once


def test_a_body_in_pieces_is_taken_whole(client: TestClient, folder: Path) -> None:
    """What did not come at once goes the long way, with what had come."""
    body = json.dumps(sent_start("r", 1)).encode()
    headers = {**SHORT, "content-length": str(len(body))}

    answer = client.post(EVENTS, content=iter([body[:20], body[20:]]), headers=headers)

    assert answer.json()["receipts"][0]["event_id"] == event_id(1)
    assert LogReader(folder).position == 2


def test_nobody_gets_past_the_guard(folder: Path) -> None:
    """A reader is refused, and the page of another site, before a byte of the body is looked at."""
    with TestClient(create_app(folder)) as reader:
        assert reader.post(EVENTS, json=sent_start("r")).status_code == 403
    with TestClient(create_app(folder, admission=EVERYBODY)) as client:
        page = {"origin": "https://elsewhere.example", "sec-fetch-site": "cross-site"}
        assert client.post(EVENTS, json=sent_start("r"), headers=page).status_code == 403
    hosts = Admission(anonymous=frozenset({"append"}), hosts=frozenset({b"ledger"}))
    with TestClient(create_app(folder, admission=hosts)) as client:
        assert client.post(EVENTS, json=sent_start("r")).status_code == 400

    assert LogReader(folder).position == 1
