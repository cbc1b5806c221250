"""The stream as a server sees it: what it sends, and when it gives up."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.types import Message

from ledger import EventLog, RunContext
from projections import RunHistory
from web.api.live_response import LiveResponse
from web.api.open_streams import OpenStreams
from web.api.served_ledger import ServedLedger
from web.api.stream import StreamQuery, encode, pieces
from web.broadcast import Broadcast, Change, ToldEvent
from web.live import told_events
from web.problems import Refused

PATIENCE = 20.0
LAST = 15
SCOPE: dict[str, Any] = {"type": "http", "method": "GET", "path": "/", "headers": []}


@pytest.mark.parametrize(
    ("position", "told", "text"),
    [
        (7, None, '{"position": 7}'),
        (8, (), '{"position": 8, "runs": [], "events": []}'),
        (
            9,
            (ToldEvent(9, "a", "run_started", "p"),),
            (
                '{"position": 9, "runs": ["a"], "events": [{"position": 9, "run_id": "a",'
                ' "type": "run_started", "pipeline": "p"}]}'
            ),
        ),
    ],
)
def test_a_piece_is_a_position_and_what_happened(
    position: int, told: tuple[ToldEvent, ...] | None, text: str
) -> None:
    """The id is the position; without events, anything may have changed."""
    assert encode(position, told) == f"id: {position}\nevent: position\ndata: {text}\n\n".encode()


def record(folder: Path, run_id: str, pipeline: str) -> None:
    """Record a run, which takes two events."""
    with EventLog.open(folder) as log, RunContext.start(log, pipeline=pipeline, run_id=run_id):
        pass


def told(folder: Path, asked: StreamQuery, after: int | None) -> list[str]:
    """Give the lines that a stream sends until it is closed, of a log that does not grow."""

    async def collect() -> list[str]:
        with RunHistory(folder) as history:
            broadcast = Broadcast()
            position = history.catch_up()
            broadcast.publish(Change(position, position))
            ledger = ServedLedger(history, broadcast, OpenStreams())
            broadcast.close()
            sent = [piece async for piece in pieces(ledger, asked, after, heartbeat=PATIENCE)]
        return b"".join(sent).decode().splitlines()

    return anyio.run(collect)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Record a run of each of two pipelines: positions 2, 3 and 4, 5."""
    record(tmp_path, "run-1", "nightly")
    record(tmp_path, "run-2", "hourly")
    return tmp_path


@pytest.mark.parametrize(
    ("asked", "after", "positions"),
    [
        (StreamQuery(), 0, [1, 2, 3, 4, 5]),
        (StreamQuery(), 3, [4, 5]),
        (StreamQuery(run="run-1"), 0, [2, 3]),
        (StreamQuery(pipeline="hourly"), 2, [4, 5]),
        (StreamQuery(pipeline="hourly", run="run-1"), 0, []),
        (StreamQuery(), 5, []),
    ],
)
def test_who_comes_back_is_told_what_it_missed(
    folder: Path, asked: StreamQuery, after: int, positions: list[int]
) -> None:
    """Each event behind the last id is told once, of those that are asked for."""
    text = "\n".join(told(folder, asked, after))
    assert [place for place in range(1, 6) if f'{{"position": {place}, "run_id"' in text] == (
        positions
    )


@pytest.mark.parametrize("after", [None, 99])
def test_who_knows_nothing_of_this_log_hears_where_it_is(folder: Path, after: int | None) -> None:
    """Without a last id, or with one that the log has not, the newest position is all there is."""
    assert told(folder, StreamQuery(), after) == [
        "retry: 1000",
        "",
        "id: 5",
        "event: position",
        'data: {"position": 5}',
        "",
    ]


@pytest.fixture(scope="module")
def fifteen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunHistory]:
    """Record runs that take all positions to the last."""
    folder = tmp_path_factory.mktemp("runs")
    for number in range(7):
        record(folder, f"run-{number}", "nightly")
    with RunHistory(folder) as history:
        assert history.catch_up() == LAST
        yield history


moves = st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3)), min_size=1, max_size=6)
listeners = st.lists(st.tuples(st.integers(0, LAST), st.integers(0, 12)), min_size=1, max_size=4)


@given(moves, listeners)
def test_each_event_is_told_once_whenever_somebody_comes(
    fifteen: RunHistory, moving: list[tuple[int, int]], coming: list[tuple[int, int]]
) -> None:
    """To each, in order, from behind its position on; read for all while somebody waits, or not."""
    broadcast = Broadcast()
    ledger = ServedLedger(fifteen, broadcast, OpenStreams())
    heard: list[list[int]] = []

    async def listen(after: int, pause: int) -> None:
        for _ in range(pause):
            await anyio.lowlevel.checkpoint()
        sent = [piece async for piece in pieces(ledger, StreamQuery(), after, heartbeat=PATIENCE)]
        found = re.findall(r'"position": (\d+), "run_id"', b"".join(sent).decode())
        heard.append([after, *map(int, found)])

    async def move() -> None:
        position = 0
        for size, pause in [*moving, (LAST, 0)]:
            after, position = position, min(position + size, LAST)
            # Somebody may come between the two, as the events are read in a thread.
            tell = broadcast.is_listened_to
            for _ in range(pause):
                await anyio.lowlevel.checkpoint()
            told = told_events(fifteen, after, position) if tell else None
            broadcast.publish(Change(after, position, told))
            await anyio.lowlevel.checkpoint()
        broadcast.close()

    async def check() -> None:
        async with anyio.create_task_group() as group:
            for each in coming:
                group.start_soon(listen, *each)
            group.start_soon(move)

    anyio.run(check)
    assert sorted(heard) == sorted(list(range(after, LAST + 1)) for after, _ in coming)


async def sleeping() -> Message:
    """Hear nothing of the client."""
    await anyio.sleep_forever()
    return {}


def serve(
    made: AsyncIterator[bytes],
    send: Callable[[Message], Awaitable[None]],
    receive: Callable[[], Awaitable[Message]] = sleeping,
) -> OpenStreams:
    """Serve one client to the end of its stream, within a bounded time."""
    streams = OpenStreams()
    response = LiveResponse(
        made,
        Request(SCOPE),
        streams,
        media_type="text/plain",
        headers={},
        heartbeat=PATIENCE,
        patience=0.01,
    )

    async def run() -> None:
        with anyio.fail_after(PATIENCE):
            await response(SCOPE, receive, send)

    anyio.run(run)
    return streams


async def for_ever() -> AsyncIterator[bytes]:
    """Yield without end."""
    while True:
        yield b"more"
        await anyio.lowlevel.checkpoint()


def test_a_client_that_does_not_read_is_let_go() -> None:
    """A piece that nobody takes in time ends the answer, and frees its place."""

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            await anyio.sleep_forever()

    streams = serve(for_ever(), send)
    assert streams.count == 0


def test_a_client_that_leaves_is_let_go() -> None:
    """A connection that is gone ends the answer, though there is always more."""
    gone = anyio.Event()

    async def send(message: Message) -> None:
        if message.get("body"):
            gone.set()

    async def receive() -> Message:
        await gone.wait()
        return {"type": "http.disconnect"}

    assert serve(for_ever(), send, receive).count == 0


def test_a_stream_that_is_over_is_finished_properly() -> None:
    """The last piece says that no more will come."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def two() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    serve(two(), send)
    assert [message.get("more_body") for message in sent] == [None, True, True, False]
    assert dict(sent[0]["headers"])[b"cache-control"] == b"no-store"


def test_streams_are_counted_by_address_and_in_all() -> None:
    """One address cannot take all there are, and all together not more; closed ones are free."""
    streams = OpenStreams(in_all=3, of_one=2)
    streams.enter("a")
    streams.enter("a")
    with pytest.raises(Refused) as of_one:
        streams.enter("a")
    streams.enter("b")
    with pytest.raises(Refused) as in_all:
        streams.enter("c")
    assert (of_one.value.problem.status, in_all.value.problem.status) == (429, 503)
    assert in_all.value.headers["Retry-After"]
    streams.leave("a")
    streams.enter("c")
    assert streams.count == 3
