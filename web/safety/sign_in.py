"""Sign a browser in: by a link that works once, or by a token that somebody pastes.

Either begins a session, whose text is in a cookie that no script reads and no other site's page has
sent along. A token itself never stands in an address.
"""

from __future__ import annotations

from urllib.parse import parse_qs

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from ledger.disk.folder import Identity
from web.safety.admission import Access
from web.safety.guard import cookie_value
from web.safety.sign_in_page import sign_in_page

__all__ = ["SignIn", "session_cookie"]

_TOP = "./"
_SIGNED_OUT = "You are signed out."
_USED = "That link was used already, or is too old. Each works once, within a quarter of an hour."
_UNKNOWN = "That token is not one of this ledger's, or was taken back."


def session_cookie(identity: Identity) -> str:
    """Name the cookie of a ledger's sessions: cookies are for all ports of a host alike."""
    return f"runfold_{identity.ledger_id[:8]}"


class SignIn:
    """The addresses at which sessions begin and end."""

    def __init__(self, access: Access, cookie: str) -> None:
        """Give sessions of ``access`` in the cookie of that name."""
        self._access = access
        self._cookie = cookie
        self.routes: list[BaseRoute] = [
            Route("/sign-in", self.begin, methods=["GET", "POST"]),
            Route("/sign-out", self.out, methods=["POST"]),
        ]

    async def begin(self, request: Request) -> Response:
        """Begin a session, and go to the first page."""
        if request.method == "POST":
            return await self._by_token(request)
        return await self._by_link(request)

    async def _by_link(self, request: Request) -> Response:
        """Take the link's text, once."""
        link = request.query_params.get("link")
        # A program that only looks at links must not use one up.
        if link is None or request.method == "HEAD":
            return sign_in_page("", status=200)
        return self._begin(request, await run_sync(self._access.redeem, link), _USED)

    async def _by_token(self, request: Request) -> Response:
        """Take a token from the form."""
        form = parse_qs((await request.body()).decode("utf-8", "replace"))
        text = form.get("token", [""])[0].strip()
        return self._begin(request, await run_sync(self._access.sign_in, text), _UNKNOWN)

    async def out(self, request: Request) -> Response:
        """End the session."""
        header = request.headers.get("cookie", "").encode("latin-1")
        await run_sync(self._access.sign_out, cookie_value(header, self._cookie) or "")
        response = sign_in_page(_SIGNED_OUT, status=200)
        response.delete_cookie(self._cookie, path=_path_of(request))
        return response

    def _begin(self, request: Request, session: tuple[str, int] | None, refused: str) -> Response:
        if session is None:
            return sign_in_page(refused, status=401)
        text, seconds = session
        response = RedirectResponse(_TOP, 303, {"Cache-Control": "no-store"})
        response.set_cookie(
            self._cookie,
            text,
            max_age=seconds,
            path=_path_of(request),
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return response


def _path_of(request: Request) -> str:
    root: str = request.scope.get("root_path", "")
    return root or "/"
