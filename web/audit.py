"""What a server has for auditors beside its log: checks on demand, and the key that it signs by."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ledger.evidence.signed_note import VerifierKey
from web.verifying import Verifying

__all__ = ["Audit"]

_SHORT = 1.0
"""Seconds in which most logs are checked, so that who asked finds the answer at once."""


@dataclass(frozen=True, slots=True)
class Audit:
    """What a server has for auditors.

    Attributes:
        verifying: checks the log.
        key: tells whether the server signed a tree head; None where it has no key.
        may_verify: whether anybody may ask for a check: nobody may where nothing can be changed.
    """

    verifying: Verifying
    key: VerifierKey | None
    may_verify: bool

    @property
    def routes(self) -> list[Route]:
        """Give where a check is asked for."""
        return [Route("/ledger/verify", self.verify, methods=["POST"])]

    def verify(self, _request: Request) -> Response:
        """Begin a check, unless one goes on, and lead back to the page that shows it."""
        self.verifying.start()
        self.verifying.wait(_SHORT)
        return RedirectResponse("../ledger", 303, {"Cache-Control": "no-store"})
