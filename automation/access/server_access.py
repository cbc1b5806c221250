"""What the server asks of the tokens: whether a credential is good for what was asked."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

from automation.access.token_store import TokenStore
from automation.access.tokens import SESSION_LIFETIME, Kind, Scope, allows
from automation.errors import TokenNotFound

__all__ = ["ServerAccess"]

_SESSION_SECONDS = round(SESSION_LIFETIME.total_seconds())


class ServerAccess:
    """Judges credentials by the file of tokens as it is now."""

    def __init__(self, store: TokenStore) -> None:
        """Ask ``store`` at every request, so that what was revoked is refused at once."""
        self._store = store

    def permits(self, text: str, *, by_cookie: bool, scope: str) -> bool | None:
        """Tell whether a credential is good for a scope; None where it is no credential.

        Args:
            text: what a header or a cookie gave.
            by_cookie: whether it was a cookie: sessions come so and no other way.
            scope: ``read``, ``append`` or ``admin``.
        """
        kind = Kind.SESSION if by_cookie else Kind.TOKEN
        token = self._store.find(text, kind, now=datetime.now(UTC))
        return None if token is None else allows(token.scope, Scope(scope))

    def redeem(self, link: str) -> tuple[str, int] | None:
        """Take a sign-in link, once; gives the session and how many seconds it lasts."""
        session = self._store.redeem(link, now=datetime.now(UTC))
        return None if session is None else (session[1], _SESSION_SECONDS)

    def sign_in(self, text: str) -> tuple[str, int] | None:
        """Begin a session with the scope of a token that somebody typed in."""
        session = self._store.sign_in(text, now=datetime.now(UTC))
        return None if session is None else (session[1], _SESSION_SECONDS)

    def sign_out(self, session: str) -> None:
        """End a session; what is none is no error."""
        now = datetime.now(UTC)
        found = self._store.find(session, Kind.SESSION, now=now)
        if found is not None:
            with suppress(TokenNotFound):
                self._store.revoke(found.id, now=now)
