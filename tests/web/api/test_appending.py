"""Events of producers elsewhere: what is acknowledged is in the log, once; the rest is refused."""

from __future__ import annotations

import errno
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.testclient import TestClient

from app import create_app
from ledger import EventLog, LogReader
from ledger.errors import AppendFailed, DurabilityUnknown, LedgerError, LockTimeout
from ledger.events import RUNLESS_TYPES
from ledger.line.codec import MAX_BATCH
from ledger.remote.wire import PRODUCER_TYPES
from ledger.writers.leases import read_lease
from tests.ledger.damage import flip, last_segment
from tests.ledger.examples import event_id, run_ended, stage_completed
from tests.web.posting import EVENTS, sent, sent_stage, sent_start
from tests.web.serving import EVERYBODY
from web.api.append_refusals import refusal_of

LINES = {"content-type": "application/x-ndjson"}


class Producer:
    """A client of a server, and the log that the server appends to."""

    def __init__(self, client: TestClient, folder: Path) -> None:
        self.client = client
        self.folder = folder

    def post(self, body: Any, **query: Any) -> Any:
        """Send JSON."""
        return self.client.post(EVENTS, json=body, params=query)

    def refused(self, body: Any, status: int, kind: str, **query: Any) -> dict[str, Any]:
        """Send JSON that is refused, and see that the log did not move; give the problem."""
        before = LogReader(self.folder).position
        answer = self.post(body, **query)
        problem: dict[str, Any] = answer.json()
        assert (answer.status_code, problem["type"]) == (status, f"urn:runfold:problem:{kind}")
        assert LogReader(self.folder).position == before
        return problem

    def types(self, run_id: str) -> list[str]:
        """Give the types of a run's events."""
        return [event.type for event in LogReader(self.folder).read_run(run_id)]


@pytest.fixture
def producer(tmp_path: Path) -> Iterator[Producer]:
    """Serve an empty ledger."""
    folder = tmp_path / "runs"
    EventLog.open(folder).close()
    with TestClient(
        create_app(folder, admission=EVERYBODY), raise_server_exceptions=False
    ) as client:
        yield Producer(client, folder)


def test_a_receipt_says_where_the_event_lies(producer: Producer) -> None:
    """Position, sequence and leaf are those of the line in the log."""
    answer = producer.post(sent_start("r", 1))

    [receipt] = answer.json()["receipts"]
    [line] = LogReader(producer.folder).read_run("r")
    assert answer.status_code == 200
    assert answer.headers["X-Ledger-Position"] == "2"
    assert receipt == {
        "event_id": event_id(1),
        "run_id": "r",
        "position": line.position,
        "sequence": 1,
        "leaf": line.leaf,
        "duplicate": False,
    }


def test_a_second_try_is_answered_with_the_first_receipt(producer: Producer) -> None:
    """Also after the run went on, and by a server that was started anew."""
    first = producer.post(sent_start("r", 1)).json()["receipts"][0]
    producer.post([sent_stage("r"), sent(stage_completed("r")), sent(run_ended("r"))])
    with TestClient(create_app(producer.folder, admission=EVERYBODY)) as later:
        again = later.post(EVENTS, json=sent_start("r", 1)).json()["receipts"][0]

    assert again == {**first, "duplicate": True}
    assert len(producer.types("r")) == 4


@pytest.mark.parametrize("shape", ["list", "object", "lines", "gzip", "gzip lines"])
def test_a_batch_in_any_of_its_shapes(producer: Producer, shape: str) -> None:
    """A list, an object with a list, one event a line; compressed or not."""
    events = [sent_start("r"), sent_stage("r"), sent(stage_completed("r"))]
    body = json.dumps({"events": events} if shape == "object" else events).encode()
    headers = {"content-type": "application/json; charset=utf-8"}
    if "lines" in shape:
        body = b"\n\n".join(json.dumps(event).encode() for event in events) + b"\r\n"
        headers = dict(LINES)
    if "gzip" in shape:
        body = gzip.compress(body, mtime=0)
        headers["content-encoding"] = "gzip"

    answer = producer.client.post(EVENTS, content=body, headers=headers)

    receipts = answer.json()["receipts"]
    assert [receipt["sequence"] for receipt in receipts] == [1, 2, 3]
    assert producer.types("r") == ["run_started", "stage_started", "stage_completed"]
    assert [event.rest for event in LogReader(producer.folder).read_run("r")] == [2, 1, 0]


def test_a_large_batch_is_taken(producer: Producer) -> None:
    """What takes long to read is read beside the loop, and appended as one."""
    events = [sent_start(f"r{number}") for number in range(400)]

    assert len(producer.post(events).json()["receipts"]) == 400


def test_what_a_producer_leaves_out_is_filled_in(producer: Producer) -> None:
    """An event needs its type, its run and its payload; the server gives it an id and a time."""
    event = sent_start("r")
    least = {name: event[name] for name in ("type", "run_id", "data")}

    assert producer.post(least).status_code == 200


def test_a_sequence_that_is_not_there_is_a_conflict(producer: Producer) -> None:
    """The answer says where the run stands; the retry of what was taken is none."""
    producer.post(sent_start("r", 1), expected_sequence=0)

    problem = producer.refused(sent_start("r"), 409, "sequence-conflict", expected_sequence=0)

    assert (problem["run_id"], problem["expected"], problem["actual"]) == ("r", 0, 1)
    assert producer.post(sent_start("r", 1), expected_sequence=0).json()["receipts"][0]["duplicate"]
    assert producer.post(sent_stage("r"), expected_sequence=1).status_code == 200


def test_an_expected_sequence_is_about_one_run(producer: Producer) -> None:
    """For a batch of several it would say nothing."""
    batch = [sent_start("a"), sent_start("b")]

    producer.refused(batch, 400, "bad-body", expected_sequence=0)


def test_a_batch_with_bad_events_is_refused_whole(producer: Producer) -> None:
    """Each bad one is named by its index, with the field and the reason."""
    good = sent_start("r")
    batch = [
        good,
        {**good, "data": {**good["data"], "pipeline": "no name"}},
        {**good, "type": "ledger_repaired"},
        {**good, "type": "run_abandoned"},
        {**good, "type": "nonsense"},
        {**good, "run_id": "../r"},
        {**good, "occurred_at": "2026-01-15T10:00:00"},
        {**good, "schema_version": 2},
        {**good, "schema_version": True},
        {**good, "extra": 1},
        {**good, "data": []},
        {**good, "event_id": 7},
        [],
        {**sent_stage("r"), "data": {"stage": "load", "attempt": "1"}},
    ]

    problem = producer.refused(batch, 422, "invalid-events")

    assert [(error["index"], error["field"]) for error in problem["errors"]] == [
        *((1, "data.pipeline"), (2, "type"), (3, "type"), (4, "type"), (5, "run_id")),
        *((6, "occurred_at"), (7, "schema_version"), (8, "schema_version"), (9, "extra")),
        *((10, "data"), (11, "event_id"), (12, "event"), (13, "data.attempt")),
    ]
    assert all(error["reason"] for error in problem["errors"])


def test_all_faults_of_all_bad_events_are_told_at_once(producer: Producer) -> None:
    """No fault hides another: of the same event, of one further on, or of another kind."""
    start = sent_start("r", 1)
    odd = {"type": "run_started", "run_id": "a/b", "event_id": "X", "occurred_at": "now", "x": 1}
    batch = [
        start,
        {**odd, "data": {"pipeline": "", "trigger": 7}},
        {**sent_stage("r", number=1)},
        {**sent_start("q"), "data": {**start["data"], "metadata": {"x": "y" * 70_000}}},
        {**sent_stage("r"), "run_id": None, "type": []},
        {**sent_stage("r"), "schema_version": 9, "data": None},
    ]

    problem = producer.refused(batch, 422, "invalid-events")

    assert [(error["index"], error["field"]) for error in problem["errors"]] == [
        *((1, "x"), (1, "data.pipeline"), (1, "data.trigger"), (1, "data.writer")),
        *((1, "run_id"), (1, "event_id"), (1, "occurred_at")),
        *((2, "event_id"), (3, "data"), (4, "type"), (5, "schema_version"), (5, "data")),
    ]
    assert problem["detail"].endswith("5 events of the batch cannot be (1, 2, 3, 4, 5).")


def test_lines_that_are_no_json_are_told_among_the_bad_events(producer: Producer) -> None:
    """Each by its index and its line, which differ where a line is blank."""
    good = json.dumps(sent_start("r"))
    body = f'{good}\n\n{{\n{{"type":7}}\n[NaN]'

    answer = producer.client.post(EVENTS, content=body, headers=LINES)

    errors = answer.json()["errors"]
    assert [(error["index"], error["field"]) for error in errors] == [
        *((1, "event"), (2, "type"), (3, "event"))
    ]
    assert [error["reason"].split(":")[0] for error in errors] == [
        "line 3",
        "a text is needed",
        "line 5",
    ]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"event_id": "not-a-uuid"}, "event_id"),
        ({"run_id": None}, "run_id"),
        ({"occurred_at": "0001-01-01T00:00:00+23:00"}, "occurred_at"),
        ({"data": {"stage": "a", "reason": "x", "metadata": {}}}, "data.metadata"),
    ],
)
def test_what_the_log_itself_refuses_is_named_too(
    producer: Producer, change: dict[str, Any], field: str
) -> None:
    """The index is that of the event, whoever found out."""
    skipped = {**sent_stage("r"), "type": "stage_skipped", "data": {"stage": "a", "reason": "x"}}

    problem = producer.refused([sent_start("r"), {**skipped, **change}], 422, "invalid-events")

    assert [(error["index"], error["field"]) for error in problem["errors"]] == [(1, field)]


def test_one_id_twice_in_a_batch_is_named(producer: Producer) -> None:
    """It is the second that is at fault."""
    problem = producer.refused(
        [sent_start("r", 1), sent_stage("r", number=1)], 409, "event-id-conflict"
    )

    assert [error["index"] for error in problem["errors"]] == [1]


def test_a_whole_number_may_be_written_with_a_point(producer: Producer) -> None:
    """As some writers of JSON do; it is recorded as the number that it is."""
    stage = sent_stage("r")
    stage |= {"schema_version": 1.0, "data": {**stage["data"], "attempt": 1.0}}

    assert producer.post([sent_start("r"), stage]).status_code == 200
    *_, line = LogReader(producer.folder).read_run("r")
    assert b'"attempt":1}' in line.line


def test_the_document_tells_which_events_are_of_a_run(producer: Producer) -> None:
    """Those must name it, and the others must not: as what is sent is judged."""
    models = producer.client.get("/openapi.json").json()["components"]["schemas"]
    told = {
        each["properties"]["type"]["const"]: "run_id" in each["required"]
        for name, each in models.items()
        if name.startswith("Sent") and "type" in each.get("properties", {})
    }

    assert told == {name: name not in RUNLESS_TYPES for name in PRODUCER_TYPES}
    assert models["SentFailureAcknowledged"]["properties"]["run_id"]["type"] == "null"


def test_an_event_that_no_line_can_hold_is_named(producer: Producer) -> None:
    """Metadata is not shortened, as nobody could tell which of it may go."""
    large = sent_start("r")
    large["data"]["metadata"] = {"x": "y" * 70_000}

    problem = producer.refused([sent_start("q"), large], 422, "invalid-events")

    assert [error["index"] for error in problem["errors"]] == [1]


def test_an_id_of_another_event_is_a_conflict(producer: Producer) -> None:
    """Nothing is overwritten, and each that would pass for what it is not is named."""
    producer.post([sent_start("r"), sent_stage("r", "a", 7), sent_stage("r", "b", 8)])
    taken = [sent_stage("r", "c", 7), sent_stage("r", "d", 8)]

    batch = [sent_stage("r", "new"), taken[0], sent_start("q"), taken[1]]
    problem = producer.refused(batch, 409, "event-id-conflict")

    assert [(error["index"], error["event_id"]) for error in problem["errors"]] == [
        (1, event_id(7)),
        (3, event_id(8)),
    ]
    assert "at position 4" in problem["errors"][1]["reason"]


def test_what_the_run_does_not_allow_is_a_conflict(producer: Producer) -> None:
    """Each event at fault is named by its index, as if those before it had been left out."""
    late = sent(stage_completed("q", "late"))
    other = sent(stage_completed("r", "other"))
    batch = [late, sent_start("r"), sent_stage("r"), other, sent(stage_completed("r", "load"))]

    problem = producer.refused(batch, 409, "illegal-transition")

    assert [error["index"] for error in problem["errors"]] == [0, 3]
    assert "run q" in problem["errors"][0]["reason"]
    assert "other" in problem["errors"][1]["reason"]


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", {}, 400),
        (b"[]", {}, 400),
        (b'{"events":[],"x":1}', {}, 400),
        (b'{"events":{}}', {}, 400),
        (b"{", {}, 400),
        (b'{"type":"a","type":"b"}', {}, 400),
        (b"\xff", {}, 400),
        (b"[NaN]", {}, 400),
        (b'{"a":1}\n{', LINES, 422),
        (b"\n\n", LINES, 400),
        (b"x", {"content-encoding": "gzip"}, 400),
        (gzip.compress(b"[]", mtime=0)[:-3], {"content-encoding": "gzip"}, 400),
        (gzip.compress(b"[]", mtime=0) + b"x", {"content-encoding": "gzip"}, 400),
        (gzip.compress(b" " * (MAX_BATCH + 1), mtime=0), {"content-encoding": "gzip"}, 413),
        (b" " * (MAX_BATCH + 1), {}, 413),
        (b"[]", {"content-encoding": "br"}, 415),
        (b"a=1", {"content-type": "application/x-www-form-urlencoded"}, 415),
        (b"[]", {"content-type": "text/plain"}, 415),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(
    producer: Producer, body: bytes, headers: dict[str, str], status: int
) -> None:
    """What is not strict JSON, not gzip, too large once inflated, or of another kind."""
    headers = {"content-type": "application/json", **headers}

    answer = producer.client.post(EVENTS, content=body, headers=headers)

    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert LogReader(producer.folder).position == 1


def test_a_body_of_no_told_length_is_stopped_too(producer: Producer) -> None:
    """A producer that streams gets no further than one that says how much it has."""
    parts = (b" " * 65_536 for _ in range(MAX_BATCH // 65_536 + 1))

    answer = producer.client.post(
        EVENTS, content=parts, headers={"content-type": "application/json"}
    )

    assert answer.status_code == 413


def test_a_body_that_ends_too_early_appends_nothing(producer: Producer) -> None:
    """A producer that hangs up in the middle is no failure of the server."""
    event = json.dumps(sent_start("r")).encode()
    parts: list[dict[str, Any]] = [
        {"type": "http.request", "body": event, "more_body": True},
        {"type": "http.disconnect"},
    ]
    scope = {
        "type": "http",
        "method": "POST",
        "path": EVENTS,
        "root_path": "",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
    }
    said: list[Any] = []

    async def receive() -> Any:
        return parts.pop(0)

    async def send(part: Any) -> None:
        said.append(part)

    anyio.run(create_app(producer.folder, admission=EVERYBODY), scope, receive, send)

    assert said[0]["status"] == 400
    assert LogReader(producer.folder).position == 1


def test_secrets_are_taken_out_here_as_well(producer: Producer) -> None:
    """A producer of another make may not have done it."""
    event = sent_start("r")
    event["data"]["metadata"] = {"api_key": "hunter2", "note": "password=hunter2"}

    producer.post(event)

    [line] = LogReader(producer.folder).read_run("r")
    assert b"hunter2" not in line.line


def test_a_folder_that_cannot_be_written_still_serves(tmp_path: Path) -> None:
    """Who writes is told to come back; who reads is answered."""
    folder = tmp_path / "runs"
    EventLog.open(folder).close()
    (folder / "lock").rename(folder / "kept")
    (folder / "lock").symlink_to("kept")
    with TestClient(create_app(folder, admission=EVERYBODY)) as client:
        answer = client.post(EVENTS, json=sent_start("r"))
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "30"
        (folder / "lock").unlink()
        (folder / "kept").rename(folder / "lock")
        assert client.post(EVENTS, json=sent_start("r")).status_code == 200


def test_a_damaged_log_takes_nothing(producer: Producer) -> None:
    """The producer is told to keep its events."""
    producer.post([sent_start("r"), sent_stage("r")])
    segment = last_segment(producer.folder)
    flip(segment, segment.stat().st_size - 40)
    with TestClient(
        create_app(producer.folder, admission=EVERYBODY), raise_server_exceptions=False
    ) as client:
        answer = client.post(EVENTS, json=sent(stage_completed("r")))

    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:runfold:problem:ledger-damaged"


def _full(number: int) -> AppendFailed:
    failed = AppendFailed("full")
    failed.__cause__ = OSError(number, "no")
    return failed


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (_full(errno.ENOSPC), 507),
        (_full(errno.EDQUOT), 507),
        (_full(errno.EIO), 503),
        (DurabilityUnknown("x", "y"), 503),
        (LockTimeout(Path("lock"), 1.0, None), 503),
    ],
)
def test_what_may_pass_asks_for_another_try(error: LedgerError, status: int) -> None:
    """A full disk, a lock that is held, a sync that failed: with a time to come back."""
    refused = refusal_of(error, ())

    assert refused.problem.status == status
    assert int(refused.headers["Retry-After"]) >= 1


def test_a_lease_is_kept_for_a_run(producer: Producer) -> None:
    """It appends nothing, and answers until when; the run began a moment ago."""
    path = "/api/pipeline/runs/r/lease"
    producer.post(sent_start("r"))
    before = LogReader(producer.folder).position

    answer = producer.client.post(path, params={"seconds": 30})

    lease = read_lease(LogReader(producer.folder).folder, "r")
    assert answer.status_code == 200
    assert lease is not None
    assert lease.seconds == 30
    assert answer.json() == {"run_id": "r", "until": lease.until.isoformat().replace("+00:00", "Z")}
    assert LogReader(producer.folder).position == before


def test_an_unknown_run_has_no_lease(producer: Producer) -> None:
    """Whoever may append cannot fill the folder with files of runs that never were."""
    answer = producer.client.post("/api/pipeline/runs/never/lease")

    assert (answer.status_code, answer.json()["type"]) == (404, "urn:runfold:problem:unknown-run")
    assert not LogReader(producer.folder).folder.leases.exists()


@pytest.mark.parametrize("path", ["r/lease?seconds=0", "r/lease?seconds=3601", ".x/lease"])
def test_a_lease_that_cannot_be_is_refused(producer: Producer, path: str) -> None:
    """It is for a run, and neither for no time nor for ever."""
    answer = producer.client.post(f"/api/pipeline/runs/{path}")

    assert answer.status_code == 422
    assert answer.json()["errors"]
