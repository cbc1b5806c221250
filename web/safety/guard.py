"""Let a request in, or answer it: its host first, then its credential, then where it comes from.

Everything needs a credential; what does not is listed by its exact path. What is good enough hangs
on the method: safe ones need the scope ``read``, all others ``admin``, but for the paths of which
an endpoint says that they append. Any credential will do to be told which methods a path takes, by
OPTIONS as by a 405.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from http import HTTPStatus
from re import Pattern

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from web.addresses import way_up
from web.ledger_headers import PositionHeader
from web.problems import Problem, answer, wants_page
from web.safety.admission import Access, Admission
from web.safety.answer_headers import SECURITY_HEADERS
from web.safety.same_origin import SAFE_METHODS, is_same_origin
from web.safety.sign_in_page import sign_in_page

__all__ = ["OPEN_PATHS", "Guard", "cookie_value", "is_still_admitted", "permits"]

OPEN_PATHS = frozenset({"/healthz", "/sign-in", "/sign-out"})
"""Paths that need no credential, whatever the method."""

_GUARD = "runfold.guard"
_TOLD_METHODS = ("read", "append")
"""The scopes of which one is enough to be told which methods a path takes."""
_BEARER = b"bearer "
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="runfold"', "Cache-Control": "no-store"}


@dataclass(slots=True)
class _Asked:
    """The headers that decide; the last one counts where one comes twice, but for the host."""

    host: bytes = b""
    hosts: int = 0
    authorization: bytes | None = None
    cookie: bytes | None = None
    origin: bytes | None = None
    fetch_site: bytes | None = None


class Guard:
    """The outermost part of the application, but for the headers of answers."""

    def __init__(
        self,
        app: ASGIApp,
        admission: Admission,
        *,
        cookie: str,
        position: Callable[[], int],
        routes: Sequence[BaseRoute] = (),
        appending: Sequence[Pattern[str]] = (),
    ) -> None:
        """Stand before ``app``.

        Args:
            app: what is guarded.
            admission: who is let in.
            cookie: the name of the cookie of a session.
            position: tells how far the log is; each refusal says so, as every answer does.
            routes: what the application takes.
            appending: paths where the scope ``append`` is enough.
        """
        self._app = app
        self._admission = admission
        self._cookie = cookie
        self._position = position
        self._routes = [route for route in routes if isinstance(route, Route) and route.methods]
        self._appending = appending
        # The same few paths come again and again.
        self._needed = lru_cache(maxsize=256)(self._find_needed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer why not."""
        if scope["type"] == "http":
            refused = self.judge(scope)
            if refused is not None:
                refusal = _refusal(Request(scope), refused)
                await PositionHeader(refusal, self._position)(scope, receive, send)
                return
            scope[_GUARD] = self
        await self._app(scope, receive, send)

    def judge(self, scope: Scope) -> Problem | None:
        """Say why a request is refused; None where it is let in."""
        asked = _asked(scope)
        hosts = self._admission.hosts
        if hosts is not None and (asked.hosts != 1 or asked.host not in hosts):
            return _foreign_host(asked)
        safe = scope["method"] in SAFE_METHODS
        if not safe and not is_same_origin(
            fetch_site=asked.fetch_site, origin=asked.origin, host=asked.host
        ):
            return _CROSS_ORIGIN
        path: str = scope["path"].removeprefix(scope.get("root_path", ""))
        if path in OPEN_PATHS:
            return None
        if safe and scope["method"] != "OPTIONS":
            return self._judge_credential(asked, "read")
        needed = _TOLD_METHODS if safe else self._needed(path, scope["method"])
        refusals = [self._judge_credential(asked, one) for one in needed]
        return None if None in refusals else refusals[0]

    def permits(self, scope: Scope, needed: str) -> bool:
        """Tell whether the credential of a request is good for a scope of tokens."""
        return self._judge_credential(_asked(scope), needed) is None

    def _judge_credential(self, asked: _Asked, needed: str) -> Problem | None:
        if needed in self._admission.anonymous:
            return None
        if self._admission.access is None:
            return _WRITING_OFF
        permitted = self._permitted(self._admission.access, asked, needed)
        if permitted is None:
            return _NO_CREDENTIAL if asked.authorization is None else _UNKNOWN_TOKEN
        return None if permitted else _insufficient(needed)

    def _find_needed(self, path: str, method: str) -> Sequence[str]:
        """Give the scopes of which one is needed for a method that is not safe."""
        taken = [route.methods or () for route in self._routes if route.path_regex.match(path)]
        if taken and all(method not in methods for methods in taken):
            # Nothing can come of it but a 405, which says what the path takes.
            return _TOLD_METHODS
        appends = any(pattern.fullmatch(path) for pattern in self._appending)
        return ("append",) if appends else ("admin",)

    def _permitted(self, access: Access, asked: _Asked, scope: str) -> bool | None:
        if asked.authorization is not None:
            if asked.authorization[: len(_BEARER)].lower() != _BEARER:
                return None
            text = asked.authorization[len(_BEARER) :].strip().decode("latin-1")
            return access.permits(text, by_cookie=False, scope=scope)
        if asked.cookie is not None:
            session = cookie_value(asked.cookie, self._cookie)
            return access.permits(session, by_cookie=True, scope=scope) if session else None
        return None


def is_still_admitted(scope: Scope) -> bool:
    """Tell whether a request that was let in would be let in now: some answers outlast a token."""
    guard: Guard | None = scope.get(_GUARD)
    return guard is None or guard.judge(scope) is None


def permits(scope: Scope, needed: str) -> bool:
    """Tell whether a request that was let in could do what another scope is needed for."""
    guard: Guard | None = scope.get(_GUARD)
    return guard is None or guard.permits(scope, needed)


def _refusal(request: Request, problem: Problem) -> Response:
    if problem.status != HTTPStatus.UNAUTHORIZED:
        return answer(request, problem, SECURITY_HEADERS)
    if wants_page(request):
        return sign_in_page("", status=problem.status, root=way_up(request))
    return answer(request, problem, {**SECURITY_HEADERS, **_CHALLENGE})


def _asked(scope: Scope) -> _Asked:
    asked = _Asked()
    for name, value in scope["headers"]:
        if name == b"host":
            asked.host = value.lower()
            asked.hosts += 1
        elif name == b"authorization":
            asked.authorization = value
        elif name == b"cookie":
            asked.cookie = value
        elif name == b"origin":
            asked.origin = value
        elif name == b"sec-fetch-site":
            asked.fetch_site = value
    return asked


def cookie_value(header: bytes, name: str) -> str | None:
    """Find a cookie in the header of that name; None where it is not there."""
    for pair in header.decode("latin-1").split(";"):
        found, _, value = pair.strip().partition("=")
        if found == name:
            return value
    return None


def _foreign_host(asked: _Asked) -> Problem:
    named = asked.host.decode("latin-1") if asked.hosts == 1 else "none, or more than one"
    return Problem(
        400,
        f"This server does not answer to the host {named!r}; serve --allow-host adds a name.",
        kind="unknown-host",
        title="Unknown host",
    )


def _insufficient(scope: str) -> Problem:
    return Problem(
        403,
        f"This credential is not good for it: the scope {scope} is needed.",
        kind="insufficient-scope",
        title="Insufficient scope",
        members={"scope": scope},
    )


_CROSS_ORIGIN = Problem(
    403,
    "A page of another site asked for this change.",
    kind="cross-origin",
    title="Cross-origin request",
)
_WRITING_OFF = Problem(
    403,
    "Nothing can be changed through a server that was started with --no-auth.",
    kind="writing-off",
    title="Writing is off",
)
_NO_CREDENTIAL = Problem(
    401,
    "A token is needed: Authorization: Bearer TOKEN; runfold token create makes one, "
    "runfold token link prints a link that signs a browser in.",
    kind="no-credential",
    title="Not signed in",
)
_UNKNOWN_TOKEN = replace(
    _NO_CREDENTIAL,
    detail="What Authorization holds is no token that is known here: it may be over, revoked or "
    "of another ledger. runfold token list shows those that are, and Bearer goes before it.",
)
