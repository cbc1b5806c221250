"""Whom a server lets in, and under which names it answers: what the one who starts it decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Access", "Admission"]


class Access(Protocol):
    """Judges credentials."""

    def permits(self, text: str, *, by_cookie: bool, scope: str) -> bool | None:
        """Tell whether a credential is good for a scope; None where it is no credential."""

    def redeem(self, link: str) -> tuple[str, int] | None:
        """Take a sign-in link, once; gives the session and how many seconds it lasts."""

    def sign_in(self, text: str) -> tuple[str, int] | None:
        """Begin a session for a token that somebody typed in."""

    def sign_out(self, session: str) -> None:
        """End a session; what is none is no error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Whom a server lets in. Unless said, everybody may read and nobody change anything.

    Attributes:
        access: judges credentials; None where there are none.
        anonymous: scopes for which nobody needs one: ``read``, ``append``, ``admin``.
        hosts: values of the header Host that are answered, in lower case; None for any.
        cors_origins: sites whose pages may read, with a token.
    """

    access: Access | None = None
    anonymous: frozenset[str] = frozenset({"read"})
    hosts: frozenset[bytes] | None = None
    cors_origins: Sequence[str] = ()

    @property
    def may_change(self) -> bool:
        """Whether there is anybody for whom this server changes something."""
        return self.access is not None or "admin" in self.anonymous
