"""Tokens as values: what is kept of one, how its text looks, and what it allows.

A text is ``rf_<id>_<secret>``: the id finds the record, the secret proves it. Only the SHA-256 of
the whole text is kept, so the file of tokens opens nothing; a secret of 256 random bits cannot be
guessed, so no slow hash is needed.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints

__all__ = [
    "LIFETIMES",
    "SESSION_LIFETIME",
    "Kind",
    "Scope",
    "Token",
    "TokenFile",
    "allows",
    "id_in",
    "is_text_of",
    "make_token",
]

_PREFIX = "rf"
_ID_BYTES = 5
_SECRET_BYTES = 32


class Scope(StrEnum):
    """What a token is good for; ``admin`` is good for everything."""

    READ = "read"
    APPEND = "append"
    ADMIN = "admin"


class Kind(StrEnum):
    """How a token is shown: in a header, once in a link, or in the cookie of a browser."""

    TOKEN = "token"  # noqa: S105 - a word, no secret
    LINK = "link"
    SESSION = "session"


SESSION_LIFETIME = timedelta(days=7)
LIFETIMES: Mapping[Kind, timedelta | None] = {
    Kind.TOKEN: None,
    Kind.LINK: timedelta(minutes=15),
    Kind.SESSION: SESSION_LIFETIME,
}
"""How long each kind lasts unless its maker says otherwise; None is for ever."""


class Token(BaseModel):
    """What is kept of a token. ``digest`` is the SHA-256 of its text, in hex."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{10}$")]
    kind: Kind
    scope: Scope
    note: str = ""
    created_at: AwareDatetime
    expires_at: AwareDatetime | None = None
    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]

    def has_expired(self, now: datetime) -> bool:
        """Tell whether it is over."""
        return self.expires_at is not None and self.expires_at <= now


class TokenFile(BaseModel):
    """All tokens of one ledger's server, as they are kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    tokens: tuple[Token, ...] = ()


def make_token(
    kind: Kind, scope: Scope, *, now: datetime, lifetime: timedelta | None, note: str = ""
) -> tuple[Token, str]:
    """Make a token; gives its record and its text, which is nowhere kept."""
    identifier = secrets.token_hex(_ID_BYTES)
    text = f"{_PREFIX}_{identifier}_{secrets.token_urlsafe(_SECRET_BYTES)}"
    token = Token(
        id=identifier,
        kind=kind,
        scope=scope,
        note=note,
        created_at=now,
        expires_at=None if lifetime is None else now + lifetime,
        digest=_digest(text),
    )
    return token, text


def id_in(text: str) -> str | None:
    """Give the id that a text names; None where it is no token's text."""
    prefix, _, rest = text.partition("_")
    identifier, parted, _secret = rest.partition("_")
    return identifier if prefix == _PREFIX and parted else None


def is_text_of(token: Token, text: str) -> bool:
    """Tell whether a text is this token's, in a time that says nothing about how close it is."""
    return hmac.compare_digest(token.digest, _digest(text))


def allows(scope: Scope, needed: Scope) -> bool:
    """Tell whether a scope is good for what is needed."""
    return scope in (Scope.ADMIN, needed)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
