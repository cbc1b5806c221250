"""Let the pages of sites that were named read, with a token (CORS)."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["CrossOrigin"]


class CrossOrigin:
    """Stands before the guard, as a browser asks first, without a token, whether it may ask.

    Who asks under a name that is none of ours gets nothing from here: the guard refuses it.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        sites: Sequence[str],
        hosts: frozenset[bytes] | None,
        exposed: Sequence[str],
    ) -> None:
        """Stand before ``app``.

        Args:
            app: what is asked.
            sites: whose pages may read.
            hosts: values of the header Host that are answered, in lower case; None for any.
            exposed: the headers of answers that these pages may see.
        """
        self._app = app
        self._hosts = hosts
        self._for_sites = CORSMiddleware(
            app,
            allow_origins=sites,
            allow_methods=["GET", "HEAD"],
            allow_headers=["Authorization", "If-None-Match", "Last-Event-ID"],
            expose_headers=exposed,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and the answer back with what its page may do with it."""
        app = self._for_sites if self._is_ours(scope) else self._app
        await app(scope, receive, send)

    def _is_ours(self, scope: Scope) -> bool:
        if scope["type"] != "http" or self._hosts is None:
            return True
        named = [value.lower() for name, value in scope["headers"] if name == b"host"]
        return len(named) == 1 and named[0] in self._hosts
