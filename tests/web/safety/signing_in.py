"""A ledger, its tokens, and the application that asks for them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from starlette.applications import Starlette

from app import create_app
from automation.access.server_access import ServerAccess
from automation.access.token_store import TokenStore
from automation.access.tokens import Kind, Scope
from ledger import EventLog, RunContext
from web.safety.admission import Admission
from web.safety.hosts import allowed_hosts

__all__ = ["HOST", "Guarded"]

HOST = "localhost:8000"


class Guarded:
    """An application that wants tokens, and a way to make them."""

    def __init__(self, folder: Path) -> None:
        """Record one run in ``folder``, and put the tokens beside it."""
        with EventLog.open(folder) as log:
            RunContext.start(log, pipeline="nightly", run_id="r").end("success")
        self.folder = folder
        self.store = TokenStore(folder.parent / "tokens", data_folder=folder)

    def app(self, *, authenticated: bool = True, cors_origins: tuple[str, ...] = ()) -> Starlette:
        """Make the application, with or without tokens."""
        admission = Admission(
            access=ServerAccess(self.store) if authenticated else None,
            anonymous=frozenset() if authenticated else frozenset({"read"}),
            hosts=allowed_hosts("127.0.0.1", 8000),
            cors_origins=cors_origins,
        )
        return create_app(self.folder, admission=admission)

    def secret(self, scope: Scope, kind: Kind = Kind.TOKEN) -> str:
        """Make a token, a link or a session, and give its text."""
        return self.store.create(kind, scope, now=datetime.now(UTC))[1]

    def bearer(self, scope: Scope) -> dict[str, str]:
        """Make a token, and give the header that shows it."""
        return {"Authorization": f"Bearer {self.secret(scope)}"}
