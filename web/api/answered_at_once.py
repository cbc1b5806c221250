"""The shortest way to what is kept: it is written to the connection while the request is read.

No task is begun for it, no application is called, and it is written in one piece. Whatever is out
of the ordinary takes the usual way, on which the same answer has the same headers.
"""

from __future__ import annotations

from typing import cast

import httptools
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from web.api.encoded_answer import Written
from web.api.kept_answers import KeptAnswers
from web.safety.deadlines import DeadlineProtocol
from web.safety.guard import Guard

__all__ = ["AT_ONCE", "AtOnce", "AtOnceProtocol"]

AT_ONCE = "at_once"
"""What it is called in the state that an application gives its server."""

_METHODS = {b"GET": "GET", b"HEAD": "HEAD"}
_WITH_BODY = (b"content-length", b"transfer-encoding")


class AtOnce:
    """Answers whom the guard lets in with what is kept."""

    def __init__(self, guard: Guard, kept: KeptAnswers) -> None:
        """Let ``guard`` judge first, whatever is kept."""
        self._guard = guard
        self._kept = kept

    def __call__(self, scope: Scope) -> Written | None:
        """Give the answer; None where there is none, or another than what is kept."""
        if self._guard.judge(scope) is not None:
            return None
        answer = self._kept.find((scope["path"], scope["query_string"]))
        return None if answer is None else answer.written(scope)


class AtOnceProtocol(DeadlineProtocol):
    """Reads requests as uvicorn does, and answers at once those that can be."""

    _answered = False

    def on_headers_complete(self) -> None:
        """Answer a request that needs nothing more, or have the application called."""
        written = self._find()
        if written is None:
            super().on_headers_complete()
            return
        self._expect(None)
        self._answered = True
        lines = [
            piece
            for name, value in self.server_state.default_headers
            for piece in (name, b": ", value, b"\r\n")
        ]
        self.transport.writelines(
            [b"".join((STATUS_LINE[written.status], *lines, written.head)), written.body]
        )
        self.on_response_complete()

    def on_message_complete(self) -> None:
        """Pass on that a request is here, unless it was answered."""
        if self._answered:
            self._answered = False
        else:
            super().on_message_complete()

    def _find(self) -> Written | None:
        at_once: AtOnce | None = self.app_state.get(AT_ONCE)
        method = _METHODS.get(self.parser.get_method())
        if at_once is None or method is None or self._is_unusual():
            return None
        url = httptools.parse_url(self.url)
        if b"%" in url.path:
            return None
        scope = cast("Scope", self.scope)
        scope["method"], scope["path"] = method, url.path.decode("ascii")
        scope["query_string"] = url.query or b""
        return at_once(scope)

    def _is_unusual(self) -> bool:
        """Tell whether it is more than one request, whole, on a connection that stays."""
        return bool(
            self._answering
            or self.root_path
            or self.expect_100_continue
            or self.flow.write_paused
            or self.parser.should_upgrade()
            or self.parser.get_http_version() != "1.1"
            or not self.parser.should_keep_alive()
            or any(name in _WITH_BODY for name, _ in self.headers)
        )
