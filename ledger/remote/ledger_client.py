"""Talk to a ledger elsewhere, over one connection that is kept; standard library only."""

from __future__ import annotations

import gzip
import http.client
import json
import ssl
from collections.abc import Sequence
from urllib.parse import SplitResult, quote

from ledger.remote.sending import Refused, Unreachable
from ledger.remote.spool import Record

__all__ = ["LedgerClient"]

_EVENTS = "/api/pipeline/events"
_LEASE = "/api/pipeline/runs/{}/lease"
_WORTH_COMPRESSING = 4_096
# The same bytes would be refused again, whenever they are sent.
_FOR_GOOD = frozenset({400, 409, 415, 422})
_TOO_LARGE = 413
_PROBLEM = "urn:runfold:problem:"
# By something else that answers there, or before the events were looked at: that may change.
_NOT_LOOKED_AT = (None, "unknown-host")
_LONGEST_REASON = 2_000
_LONGEST_PAUSE = 3_600.0


class LedgerClient:
    """One ledger, for one thread."""

    def __init__(self, address: SplitResult, *, token: str | None, timeout: float = 10.0) -> None:
        """Name the ledger; nothing is sent yet.

        Args:
            address: its parsed URL.
            token: lets append there.
            timeout: seconds to wait for each step of an answer.
        """
        self._address = address
        self._timeout = timeout
        self._headers = {"Content-Type": "application/x-ndjson", "Accept": "application/json"}
        if token and token.strip():
            self._headers["Authorization"] = f"Bearer {token.strip()}"
        self._connection: http.client.HTTPConnection | None = None

    def send(self, records: Sequence[Record]) -> None:
        """Have events appended as one batch; they are durable there when this returns.

        Raises:
            Refused: that can never be.
            Unreachable: not now.
        """
        expected = records[0].expected_sequence
        query = "" if expected is None else f"?expected_sequence={expected}"
        body = b"\n".join(bytes(record.event) for record in records)
        status, pause, answer = self._post(_EVENTS + query, body)
        problem = _problem_in(answer)
        # A proxy may take as little at once: the events are sent singly then.
        if status == _TOO_LARGE or (status in _FOR_GOOD and problem not in _NOT_LOOKED_AT):
            raise Refused(_reason(status, answer), problem)
        if status not in (200, 201):
            raise Unreachable(_reason(status, answer), pause)
        if not _is_receipt(answer, len(records)):
            # A page of whatever else answers there: it has taken nothing.
            raise Unreachable("what answers there is no ledger: it gave no receipts", pause)

    def keep_lease(self, run_id: str, seconds: float) -> None:
        """Say that the writer of a run is there; a ledger that keeps no leases does without.

        Raises:
            Unreachable: nobody answered.
        """
        self._post(f"{_LEASE.format(quote(run_id))}?seconds={seconds:g}", b"")

    def _post(self, path: str, body: bytes) -> tuple[int, float, bytes]:
        """Send one request; give its status, the pause it asks for, and the answer."""
        headers = dict(self._headers)
        if len(body) > _WORTH_COMPRESSING:
            body = gzip.compress(body, 1)
            headers["Content-Encoding"] = "gzip"
        try:
            reused = self._connection is not None
            try:
                return self._ask(path, body, headers)
            except (ConnectionError, http.client.BadStatusLine):
                # A server closes what was idle for long, and may do so just now.
                if not reused:
                    raise
                return self._ask(path, body, headers)
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            # The last is what a host is answered with that no name can be.
            raise Unreachable(str(error) or type(error).__name__) from error

    def _ask(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, float, bytes]:
        connection = self._connection or self._connect()
        self._connection = None
        try:
            connection.request("POST", self._address.path.rstrip("/") + path, body, headers)
            response = connection.getresponse()
            answer = response.read()
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        pause = response.headers.get("Retry-After", "")
        seconds = float(pause) if pause.isdecimal() else 0.0
        return response.status, min(seconds, _LONGEST_PAUSE), answer

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._address.hostname or "", self._address.port
        if self._address.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(host, port, timeout=self._timeout, context=context)
        return http.client.HTTPConnection(host, port, timeout=self._timeout)

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _is_receipt(answer: bytes, count: int) -> bool:
    """Tell whether an answer holds a receipt of each event."""
    try:
        return len(json.loads(answer)["receipts"]) == count
    except (ValueError, LookupError, TypeError):
        return False


def _problem_in(answer: bytes) -> str | None:
    """Give the kind of problem that a ledger answers with; None where none has answered."""
    try:
        begin, found, kind = str(json.loads(answer)["type"]).partition(_PROBLEM)
    except (ValueError, LookupError, TypeError):
        return None
    return kind if found and not begin else None


def _reason(status: int, answer: bytes) -> str:
    """Say why, in the words of the ledger where it has some."""
    try:
        problem = json.loads(answer)
        errors = [str(error.get("reason", "")) for error in problem.get("errors", [])]
        said = " ".join([str(problem.get("detail", "")), *errors]).strip()
    except (ValueError, AttributeError):
        said = ""
    return f"{status}: {said}"[:_LONGEST_REASON]
