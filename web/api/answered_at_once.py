"""The shortest way to what is kept: it is written to the connection while the request is read.

No task is begun for it, no application is called, and it is written in one piece. What was kept and
does not hold any more is made anew, for all who ask meanwhile, and written in the same way to each
of them. Whatever is out of the ordinary takes the usual way, on which the same answer has the same
headers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import cast

import httptools
from starlette.types import Scope
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from web.api.encoded_answer import EncodedAnswer, Written
from web.api.kept_answers import KeptAnswers, Question
from web.safety.crowding import too_many
from web.safety.deadlines import DeadlineProtocol
from web.safety.guard import Guard

__all__ = ["AT_ONCE", "AtOnce", "AtOnceProtocol", "Soon"]

AT_ONCE = "at_once"
"""What it is called in the state that an application gives its server."""

_METHODS = {b"GET": "GET", b"HEAD": "HEAD"}
_WITH_BODY = (b"content-length", b"transfer-encoding")
_CLOSING = b"connection: close\r\n"

Soon = Callable[[Callable[[Written | None], None]], None]
"""Has an answer made, and calls what it is given with it; with None where it is not to be had.

It is not called where the server ends before.
"""


def _nothing() -> None:
    """Do nothing."""


class AtOnce:
    """Answers whom the guard lets in with what is kept."""

    def __init__(self, guard: Guard, kept: KeptAnswers) -> None:
        """Let ``guard`` judge first, whatever is kept."""
        self._guard = guard
        self._kept = kept

    def __call__(self, scope: Scope) -> Written | Soon | None:
        """Give the answer, or how it is made anew; None where that is for the application."""
        if self._guard.judge(scope) is not None:
            return None
        question = (scope["path"], scope["query_string"])
        answer = self._kept.find(question)
        if answer is not None:
            return answer.written(scope)
        renew = self._kept.renewal(question)
        return None if renew is None else partial(self._renew, question, scope, renew)

    def _renew(
        self,
        question: Question,
        scope: Scope,
        renew: Callable[[], asyncio.Future[EncodedAnswer]],
        done: Callable[[Written | None], None],
    ) -> None:
        def answered(renewed: asyncio.Future[EncodedAnswer]) -> None:
            if renewed.cancelled():
                # The server ends without it, and whoever was asked now would not come to answer.
                return
            if renewed.exception() is not None:
                # Whoever is asked in the usual way says what is wrong.
                self._kept.drop(question)
                done(None)
                return
            answer = renewed.result()
            written = answer.written(scope)
            if written is None:
                # By then the log may have moved, and in the usual way all would be made once more.
                answer.compressing().add_done_callback(lambda _: done(answer.written(scope)))
            else:
                done(written)

        renew().add_done_callback(answered)


class AtOnceProtocol(DeadlineProtocol):
    """Reads requests as uvicorn does, and answers at once, or soon, those that can be.

    For the account that uvicorn keeps, what is answered soon is a request like others: the order
    of answers, the pause between requests and the end of the server are its own.
    """

    _answered = False
    _soon: Soon | None = None
    _at_work: RequestResponseCycle | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever answers that nobody hears it; uvicorn tells only the last that was asked."""
        at_work = self._at_work
        if at_work is not None and not at_work.response_complete:
            at_work.disconnected = True
            at_work.message_event.set()
        super().connection_lost(exc)

    def on_headers_complete(self) -> None:
        """Answer a request that needs nothing more, or see to it that it is answered."""
        found = self._find()
        if isinstance(found, Written):
            self._expect(None)
            self._answered = True
            self._write(found)
            self.on_response_complete()
            return
        # What was answered at once, in the same piece, may have begun the pause between requests.
        self._unset_keepalive_if_required()
        self._soon = found
        super().on_headers_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Begin to answer a request; ``app`` is another where there are too many of them."""
        self._at_work = cycle
        soon, self._soon = self._soon, None
        if app is not self.app:
            super()._start_asgi_task(cycle, cast("ASGI3Application", too_many))
        elif soon is None:
            super()._start_asgi_task(cycle, app)
        else:
            soon(partial(self._finish, cycle))

    def _finish(self, cycle: RequestResponseCycle, written: Written | None) -> None:
        """Answer a request that waited, or have the application do so."""
        if cycle.disconnected:
            return
        if written is None:
            super()._start_asgi_task(cycle, self.app)
            return
        cycle.response_started = cycle.response_complete = True
        self._write(written, b"" if cycle.keep_alive else _CLOSING)
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()
        # As uvicorn does: it leads back to this connection, which would stay until it is collected.
        cycle.on_response = _nothing

    def _write(self, written: Written, more: bytes = b"") -> None:
        """Write an answer in one piece, with a line more in its head."""
        lines = [
            piece
            for name, value in self.server_state.default_headers
            for piece in (name, b": ", value, b"\r\n")
        ]
        self.transport.writelines(
            [b"".join((STATUS_LINE[written.status], *lines, more, written.head)), written.body]
        )

    def on_message_complete(self) -> None:
        """Pass on that a request is here, unless it was answered."""
        if self._answered:
            self._answered = False
        else:
            super().on_message_complete()

    def _find(self) -> Written | Soon | None:
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
        try:
            return at_once(scope)
        except Exception:  # noqa: BLE001 - it comes again in the usual way, on which it is told
            return None

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
