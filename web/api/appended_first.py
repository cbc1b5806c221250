"""The way of most appends: one small JSON body, whole, taken before all that other requests need.

It stands behind the guard, as everything does, and takes no body that a limit could be for. What is
out of the ordinary is passed on as it came. So is what is refused: the refusal is raised where the
application reads the body, and answered as what the application itself raises.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.api.appending import PATH, append_body, encode_receipts, position_of
from web.api.endpoint import JSON
from web.api.served_ledger import ServedLedger
from web.problems import Refused
from web.safety.answer_headers import SECURITY_HEADERS

__all__ = ["AppendedFirst"]

_LENGTH_DIGITS = 4
_USUAL = (b"identity", b"*/*", b"application/json")
_HEADERS = [
    *((name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()),
    (b"content-type", JSON.encode()),
]


class AppendedFirst:
    """Answers a plain append in the fewest steps there are; passes on everything else."""

    def __init__(self, app: ASGIApp, ledger: ServedLedger) -> None:
        self._app = app
        self._ledger = ledger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Append, and answer once it is on disk."""
        if not _is_plain(scope):
            await self._app(scope, receive, send)
            return
        try:
            first = await receive()
            if first["type"] != "http.request" or first.get("more_body", False):
                await self._app(scope, _beginning_with(first, receive), send)
                return
            receipts = await append_body(self._ledger, first["body"])
        except (HTTPException, Refused) as error:
            await self._app(scope, _raising(error), send)
            return
        body = encode_receipts(receipts)
        headers = [
            *_HEADERS,
            (b"x-ledger-position", str(position_of(receipts)).encode()),
            (b"content-length", str(len(body)).encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _is_plain(scope: Scope) -> bool:
    """Tell whether it is an append of a small JSON body, about which nothing else is asked."""
    if scope["type"] != "http" or scope["method"] != "POST" or scope["query_string"]:
        return False
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", "")) == PATH and _is_small(scope["headers"])


def _is_small(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    is_json = is_small = False
    for name, value in headers:
        if name == b"content-type":
            is_json = value == b"application/json"
        elif name == b"content-length":
            is_small = value.isdigit() and len(value) <= _LENGTH_DIGITS
        elif name in (b"content-encoding", b"accept") and value not in _USUAL:
            return False
    return is_json and is_small


def _beginning_with(first: Message, receive: Receive) -> Receive:
    """Receive what was received already, and then the rest."""
    given = [first]

    async def receive_all() -> Message:
        return given.pop() if given else await receive()

    return receive_all


def _raising(error: Exception) -> Receive:
    async def raise_it() -> Message:
        raise error

    return raise_it
