"""A ledger behind HTTP that fails on command: its log is real, and so are the sockets."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ledger import EventLog, LedgerError
from ledger.errors import EventIdConflict, IllegalTransition, LedgerUnwritable
from ledger.remote.wire import read_events

__all__ = ["SmallLedger", "small_ledger"]

_PROBLEM = "urn:runfold:problem:"
_REFUSALS = {
    EventIdConflict: (409, "event-id-conflict"),
    IllegalTransition: (409, "illegal-transition"),
    LedgerUnwritable: (503, "ledger-unwritable"),
    LedgerError: (422, "invalid-events"),
}


class SmallLedger:
    """What a server does with the events it gets, and how it is to fail at them.

    Attributes:
        mishaps: what befalls the next requests with events, one each: a status to answer with, in
            place of taking them; "unknown host" where the server has another name by now; "proxy"
            where something before it takes offence; "lost" to take them and answer nothing; None to
            take them.
        busy_for: the runs whose events are not taken now, however often they come.
        retry_after: what each answer says of when to try again.
        leases: the run ids whose leases were kept, in order.
        batches: how many events each batch had that was taken.
    """

    def __init__(self, folder: Path, redact: Sequence[str] = ()) -> None:
        self.log = EventLog.open(folder, redact=redact)
        self.url = ""
        self.mishaps: list[int | str | None] = []
        self.busy_for: set[str] = set()
        self.retry_after = "0"
        self.is_over = False
        self.leases: list[str] = []
        self.batches: list[int] = []
        self.tokens: set[str | None] = set()

    def take(self, body: bytes, query: dict[str, list[str]]) -> tuple[int, dict[str, Any]]:
        """Append the events of one request."""
        expected = int(query["expected_sequence"][0]) if "expected_sequence" in query else None
        try:
            events = read_events([json.loads(line) for line in body.split(b"\n")])
            if events[0].run_id in self.busy_for:
                return 503, {"detail": "busy"}
            self.log.append_batch(events, expected_sequence=expected)
        except LedgerError as error:
            status, kind = next(
                said for cause, said in _REFUSALS.items() if isinstance(error, cause)
            )
            return status, {"type": f"{_PROBLEM}{kind}", "detail": str(error), "errors": []}
        self.batches.append(len(events))
        return 200, {"receipts": [{"event_id": event.event_id} for event in events]}

    def types(self, run_id: str) -> list[str]:
        """Give the types of a run's events."""
        return [event.type for event in self.log.read_run(run_id)]


def _said_instead(mishap: int | str | None) -> tuple[int, object] | None:
    """Give what is answered in place of taking events; None where they are taken."""
    if mishap == "unknown host":
        return 400, {"type": f"{_PROBLEM}unknown-host", "detail": "not this one"}
    if mishap == "proxy":
        return 400, "Bad Request"
    if isinstance(mishap, int):
        return mishap, {"type": f"{_PROBLEM}mishap", "detail": "a mishap"}
    return None


def _answering(ledger: SmallLedger) -> type[BaseHTTPRequestHandler]:
    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            address = urlsplit(self.path)
            ledger.tokens.add(self.headers["Authorization"])
            if address.path.endswith("/lease"):
                ledger.leases.append(address.path.split("/")[-2])
                self.answer(200, {})
                return
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            mishap = ledger.mishaps.pop(0) if ledger.mishaps else None
            instead = _said_instead(mishap)
            if instead is not None:
                self.answer(*instead)
                return
            status, said = ledger.take(body, parse_qs(address.query))
            if mishap == "lost":
                self.close_connection = True
                self.connection.close()
                return
            self.answer(status, said)

        def answer(self, status: int, value: object) -> None:
            self.close_connection = self.close_connection or ledger.is_over
            data = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Retry-After", ledger.retry_after)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def finish(self) -> None:
            if not self.connection._closed:
                super().finish()

    return Answering


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, *_: object) -> None:
        """Say nothing: who hangs up is what is being shown."""


@contextmanager
def small_ledger(
    folder: Path, *, port: int = 0, redact: Sequence[str] = ()
) -> Iterator[SmallLedger]:
    """Serve a folder from a thread until the end of the block."""
    ledger = SmallLedger(folder, redact)
    server = _Server(("127.0.0.1", port), _answering(ledger))
    ledger.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield ledger
    finally:
        ledger.is_over = True
        server.shutdown()
        server.server_close()
        thread.join()
        ledger.log.close()
