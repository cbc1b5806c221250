"""Serve one path: its methods, parameters and conditions, around the endpoints' own answers."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial
from inspect import iscoroutinefunction
from typing import Any, cast

import anyio
from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from web.api.accepting import preferred
from web.api.encoded_answer import EncodedAnswer
from web.api.endpoint import Answer, Call, Endpoint
from web.api.kept_answers import KeptAnswers, Made
from web.api.served_ledger import ServedLedger
from web.api.streamed_answer import streamed
from web.parameters import Reading, parse_parameters
from web.problems import Failure, Refused

__all__ = ["NOT_REACHED", "Resource", "routes_of"]

NOT_REACHED = Failure(409, "position-not-reached", "The position is not reached")
_LOOK_AGAIN = 0.01
_OK = 200


class Resource:
    """All methods of one path."""

    def __init__(
        self, ledger: ServedLedger, kept: KeptAnswers, endpoints: Sequence[Endpoint]
    ) -> None:
        """Serve these endpoints, which share their path."""
        self._ledger = ledger
        self._kept = kept
        self._by_method = {endpoint.method: endpoint for endpoint in endpoints}
        head = ["HEAD"] if "GET" in self._by_method else []
        self.methods = sorted(["OPTIONS", *self._by_method, *head])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or raise what becomes a problem."""
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        endpoint = self._by_method.get(method)
        if endpoint is not None:
            await self._answer(endpoint, Request(scope, receive), send)
        else:
            # The route lets no other method pass.
            await Response(None, 204, {"Allow": ", ".join(self.methods)})(scope, receive, send)

    async def _answer(self, endpoint: Endpoint, request: Request, send: Send) -> None:
        asked = parse_parameters(
            endpoint.asks, request.query_params.multi_items(), request.path_params
        )
        if isinstance(asked, Reading):
            await self._wait(asked)
        media_type = preferred(
            [given.media_type for given in endpoint.gives], request.headers.get("accept", "")
        )
        call = Call(self._ledger, asked, media_type, request)
        if endpoint.is_kept:
            scope = request.scope
            question = (scope["path"], scope["query_string"])
            answer = await self._kept.share(question, partial(self._make, endpoint, call))
            await answer.send(scope, send)
            return
        if iscoroutinefunction(endpoint.answer):
            made = await endpoint.answer(call)
        else:
            made = await run_sync(endpoint.answer, call)
        await self._send(endpoint, made, request, send)

    async def _wait(self, asked: Reading) -> None:
        """Wait until the position that was asked for is durable, and so part of any answer.

        Raises:
            Refused: it did not come in time.
        """
        deadline = time.monotonic() + asked.timeout
        while asked.min_position and (last := self._ledger.reader.position) < asked.min_position:
            if time.monotonic() >= deadline:
                raise Refused(
                    NOT_REACHED.problem(
                        f"The log is at position {last}, not at {asked.min_position} yet.",
                        position=last,
                    )
                )
            # Looked at rather than listened for: this also holds where nobody follows the log.
            await anyio.sleep(_LOOK_AGAIN)

    async def _make(self, endpoint: Endpoint, call: Call[Any]) -> Made:
        """Make an answer that may be kept; the state is taken first, so that it is never newer."""
        state, now = self._ledger.state(), time.monotonic()
        answer = cast("Answer", await run_sync(endpoint.answer, call))
        body, headers = cast("bytes", answer.body), self._headers(endpoint, answer)
        # A position is waited for before anything is made.
        waits = isinstance(call.asked, Reading) and call.asked.min_position
        again = None if waits else partial(self._make, endpoint, call)
        return Made(EncodedAnswer(answer, body, headers), state, now + answer.lasts, again)

    def _headers(self, endpoint: Endpoint, answer: Answer) -> Mapping[str, str]:
        """Say which position an answer reflects, and how much the log has grown since."""
        headers = {**answer.headers}
        if len(endpoint.gives) > 1:
            headers["Vary"] = "Accept"
        if answer.position is not None:
            headers["X-Ledger-Position"] = str(answer.position)
            lag = 0 if answer.is_past else self._ledger.reader.position - answer.position
            if lag > 0:
                headers["X-Ledger-Lag"] = str(lag)
        return headers

    async def _send(
        self, endpoint: Endpoint, answer: Answer | Response, request: Request, send: Send
    ) -> None:
        """Send an answer that is not kept."""
        if isinstance(answer, Response):
            await answer(request.scope, request.receive, send)
            return
        headers = self._headers(endpoint, answer)
        if isinstance(answer.body, bytes):
            if endpoint.method == "GET" and answer.status == _OK:
                await EncodedAnswer(answer, answer.body, headers).send(request.scope, send)
                return
            response = Response(answer.body, answer.status, headers, answer.media_type)
        else:
            response = await streamed(answer, answer.body, headers, request)
        await response(request.scope, request.receive, send)


def routes_of(
    ledger: ServedLedger, kept: KeptAnswers, endpoints: Sequence[Endpoint]
) -> list[BaseRoute]:
    """Make one route for each path of these endpoints, in their order."""
    by_path: dict[str, list[Endpoint]] = {}
    for endpoint in endpoints:
        by_path.setdefault(endpoint.path, []).append(endpoint)
    resources = {path: Resource(ledger, kept, group) for path, group in by_path.items()}
    return [Route(path, each, methods=each.methods, name=path) for path, each in resources.items()]
