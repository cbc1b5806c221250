"""What only a server in its own process shows: other writers, crashes, streams and stopping."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from automation.access.token_store import TokenStore
from automation.access.tokens import Kind, Scope
from ledger import EventLog
from ledger.line.codec import MAX_BATCH
from tests.ledger.examples import run_annotated
from tests.web.posting import EVENTS
from tests.web.serving import (
    GENEROUS,
    Server,
    can_give_up_privileges,
    dying_run,
    events,
    eventually,
    new_ledger,
    record_elsewhere,
    serving,
)
from web.safety.body_limits import BODY_BYTES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make an empty ledger."""
    return new_ledger(tmp_path / "runs")


@pytest.fixture
def server(folder: Path) -> Iterator[Server]:
    """Serve it."""
    with serving(folder) as server:
        yield server


def test_a_run_of_another_process_shows_in_the_api_and_on_the_stream(
    folder: Path, server: Server
) -> None:
    """A server that runs already tells its listeners of a new run, and lists it."""
    with server.listening() as lines:
        told = events(lines)
        first = next(told)
        assert (first.name, first.id) == ("position", str(first.data["position"]))

        run_id = record_elsewhere(folder)

        named = next(event for event in told if run_id in event.data.get("runs", ()))
        assert int(named.id) > int(first.id)
    [run] = server.runs()
    assert (run["run_id"], run["pipeline"]) == (run_id, "nightly")
    ended = eventually(lambda: [each for each in server.runs() if each["result"] == "success"])
    assert ended[0]["stages_executed"] == ["translator"]


def test_two_servers_on_one_folder_show_the_same(folder: Path, server: Server) -> None:
    """Both see a new run, and list it in the same bytes."""
    with serving(folder) as other:
        assert server.runs() == other.runs() == []
        record_elsewhere(folder)
        path = "/api/pipeline/runs"
        assert server.get(path).content == other.get(path).content
        assert len(server.runs()) == 1


def test_a_killed_writer_is_found_and_its_run_fails(folder: Path, server: Server) -> None:
    """A run whose process was killed is live before, and failed after, with host and pid."""
    with dying_run(folder) as (run_id, writer):
        [run] = server.runs()
        assert (run["run_id"], run["result"], run["liveness"]) == (run_id, None, "live")
        writer.kill()
        writer.wait()

        failed = eventually(lambda: [each for each in server.runs() if each["result"]])

    [run] = failed
    assert run["result"] == "failed"
    assert f"process {writer.pid} on {run['writer']['host']}" in run["failure_reason"]
    written = folder / "runs.jsonl"
    lines = eventually(lambda: written.exists() and written.read_text())
    assert f'"run_id": "{run_id}"' in str(lines)


def test_a_folder_that_cannot_be_written_is_served_as_it_is(folder: Path) -> None:
    """Without the right to write, the server reads, says so, and leaves the folder alone."""
    if not can_give_up_privileges():
        pytest.skip("root may write everywhere here, and setpriv is not installed")
    run_id = record_elsewhere(folder)
    paths = [folder, *folder.rglob("*")]
    before = {path: path.stat().st_mtime_ns for path in paths}
    modes = {path: path.stat().st_mode for path in paths}
    for path in paths:
        path.chmod(modes[path] & ~0o222)
    try:
        with serving(folder, privileged=False) as server:
            assert [run["run_id"] for run in server.runs()] == [run_id]
            assert run_id in server.get("/runs").text
            said = eventually(server.said)
    finally:
        for path, mode in modes.items():
            path.chmod(mode)
    assert "as it is" in said
    assert "Traceback" not in said
    assert {path: path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]} == before


def test_stopping_ends_the_streams(server: Server) -> None:
    """A server that is told to stop ends its open streams first, and then stops without a word."""
    with server.listening() as lines:
        next(events(lines))
        server.process.terminate()
        assert not [line for line in lines if line and not line.startswith(":")]
    server.process.wait()
    assert server.said() == ""


def test_a_quiet_stream_has_a_heartbeat(server: Server) -> None:
    """Comments tell a listener, and what lies between, that the stream is still there."""
    with server.listening() as lines:
        assert next(lines) == "retry: 1000"
        beats = (line for line in lines if line.startswith(":"))
        assert next(beats) == next(beats) == ": still here"
        assert "id: 1" in lines


def test_a_token_that_is_revoked_hears_no_more(folder: Path, tmp_path: Path) -> None:
    """Streams and followed events that it opened end in good order, and those of others go on."""
    store = TokenStore(tmp_path / "tokens", data_folder=folder)
    now = datetime.now(UTC)
    gone, token = store.create(Kind.TOKEN, Scope.READ, now=now)
    _, other = store.create(Kind.TOKEN, Scope.READ, now=now)
    mine, theirs = ({"Authorization": f"Bearer {text}"} for text in (token, other))
    with (
        serving(folder, tokens=tmp_path / "tokens") as server,
        server.opened("/api/pipeline/stream", mine) as stream,
        server.opened("/api/pipeline/events?follow=true", mine) as followed,
        server.opened("/api/pipeline/stream", theirs) as other_stream,
    ):
        assert (next(stream), bool(next(followed))) == ("retry: 1000", True)
        store.revoke(gone.id, now=now)
        list(stream)
        list(followed)
        last = record_elsewhere(folder)
        assert any(last in line for line in other_stream)
        assert server.said() == ""


def test_a_client_that_comes_back_is_told_what_it_missed(folder: Path) -> None:
    """With the id it heard last, each event since is told once, though the server is another."""
    with serving(folder) as server, server.listening() as lines:
        first = next(events(lines))
    missed = [record_elsewhere(folder) for _ in range(2)]
    with serving(folder) as server:
        with server.listening(last_event_id=first.id) as lines:
            told = events(lines)
            heard = list(next(told).data["events"])
            last = record_elsewhere(folder)
            while heard[-1]["run_id"] != last or heard[-1]["type"] != "run_ended":
                heard += next(told).data["events"]
        end = int(server.get("/api/pipeline/runs").headers["x-ledger-position"])
    assert [event["position"] for event in heard] == list(range(int(first.id) + 1, end + 1))
    assert list(dict.fromkeys(event["run_id"] for event in heard)) == [*missed, last]


def test_events_are_followed_as_they_come(folder: Path, server: Server) -> None:
    """Followed events are the very lines of the log, from its first to those appended meanwhile."""
    path = "/api/pipeline/events?follow=true&format=ndjson"
    with server.opened(path) as lines:
        seen = [next(lines)]
        run_id = record_elsewhere(folder)
        seen += [next(lines) for _ in range(4)]
    written = b"".join(path.read_bytes() for path in sorted((folder / "events").iterdir()))
    assert "\n".join(seen) + "\n" == written.decode()
    with server.opened(f"/api/pipeline/runs/{run_id}/events?follow=true") as lines:
        assert list(lines) == seen[1:]


def test_what_is_followed_of_a_run_that_has_ended_ends(folder: Path, server: Server) -> None:
    """With a remark behind its end, too, and for who comes back and has heard of the end."""
    run_id = record_elsewhere(folder)
    with EventLog.open(folder) as log:
        log.append(run_annotated(run_id))
        positions = [event.position for event in log.read_run(run_id)]
    path = f"/api/pipeline/runs/{run_id}/events?follow=true"

    for number, after in enumerate([0, *positions]):
        with server.opened(f"{path}&after={after}") as lines:
            heard = [json.loads(line)["position"] for line in lines]
        assert heard == positions[number:]


def test_who_sends_too_much_before_it_reads_is_told(server: Server) -> None:
    """The refusal gets through, and the connection serves what is asked next."""
    address = server.url.removeprefix("http://")
    headers = {"Content-Type": "application/json"}
    with closing(http.client.HTTPConnection(address, timeout=GENEROUS)) as connection:
        for size in (MAX_BATCH + 1, BODY_BYTES + 1):
            connection.request("POST", EVENTS, b" " * size, headers)
            assert json.loads(connection.getresponse().read())["status"] == 413
        connection.request("GET", "/healthz")
        assert connection.getresponse().status == 200


def test_a_raw_request_with_an_odd_run_id_is_answered(server: Server) -> None:
    """Dots, slashes, control characters and bad UTF-8 make an unknown run, not a failure."""
    host, port = server.url.removeprefix("http://").split(":")
    for run_id in (
        "..",
        ".",
        "%2e%2e",
        "a%2Fb",
        "a/b",
        "%00",
        "%0a",
        "%1b%5b",
        "%ff%fe",
        "a" * 9000,
    ):
        with socket.create_connection((host, int(port))) as connection:
            path = f"/api/pipeline/runs/{run_id}"
            connection.sendall(
                f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
            )
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 404 "), run_id
        assert b"application/problem+json" in head
        assert b'"status": 404' in body
    assert server.said() == ""
