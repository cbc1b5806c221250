"""The application: routes as data and one lifespan. What is served is decided elsewhere."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.routing import BaseRoute, compile_path

from automation.upkeep import Upkeep
from ledger.evidence.signed_note import SigningKey
from projections import RunHistory
from projections.comparing.run_comparison import RunComparison
from web.api.answered_at_once import AT_ONCE, AtOnce
from web.api.appended_first import AppendedFirst
from web.api.described_headers import DESCRIBED
from web.api.endpoints import ENDPOINTS
from web.api.kept_answers import AnsweredFirst, KeptAnswers
from web.api.open_streams import OpenStreams
from web.api.resource import routes_of
from web.api.served_ledger import ServedLedger
from web.audit import Audit
from web.broadcast import Broadcast
from web.ledger_headers import PositionHeader
from web.live import follow
from web.pages import PAGES
from web.pages.acknowledge import acknowledge_route
from web.pages.compare_markdown import compare_markdown_route
from web.pages.page import Changes, page_routes
from web.problems import ANSWERS_TO_ERRORS
from web.safety.admission import Access, Admission
from web.safety.answer_headers import SecurityHeaders
from web.safety.body_limits import BodyLimits
from web.safety.cross_origin import CrossOrigin
from web.safety.guard import Guard, permits
from web.safety.hosts import allowed_hosts
from web.safety.sign_in import SignIn, session_cookie
from web.server import run_server
from web.static_files import static_files
from web.stop_signals import on_stop_signal
from web.upkeep_rounds import do_rounds
from web.verifying import Verifying

__all__ = ["create_app", "run"]

_LONGEST_ANSWER = 20.0
_READERS = Admission()


def create_app(
    folder: Path | str,
    *,
    key: SigningKey | None = None,
    admission: Admission = _READERS,
    upkeep_interval: float = 5.0,
    heartbeat: float = 15.0,
    redact: Sequence[str] = (),
) -> Starlette:
    """Make the application that serves the ledger in ``folder``.

    Args:
        folder: the data folder.
        key: signs the tree heads of the ledger; without one they are unsigned.
        admission: whom to let in; everybody may read and nobody change anything, unless said.
        upkeep_interval: seconds between looks for runs whose writer is gone; more after a long one.
        heartbeat: seconds of silence after which a stream says that it is still there.
        redact: names of further keys whose text is never recorded (see ``EventLog.open``).

    Raises:
        LedgerNotFound: there is no ledger; serving never creates one.
    """
    history = RunHistory(folder, longest=_LONGEST_ANSWER)
    broadcast = Broadcast()
    ledger = ServedLedger(history, broadcast, OpenStreams(), heartbeat=heartbeat, redact=redact)

    def position() -> int:
        return ledger.state().position

    kept = KeptAnswers(ledger.state)
    upkeep = Upkeep(history, key)
    cookie = session_cookie(history.reader.identity)
    audit = Audit(
        Verifying(history.reader.folder.path),
        None if key is None else key.verifier_key,
        may_verify=admission.may_change,
    )

    @asynccontextmanager
    async def lifespan(served: Starlette) -> AsyncIterator[Mapping[str, object]]:
        guard = Guard(served, admission, cookie=cookie, position=position)
        async with anyio.create_task_group() as group:
            group.start_soon(follow, history, broadcast)
            group.start_soon(do_rounds, upkeep.do_round, broadcast, upkeep_interval)
            with on_stop_signal(broadcast.close):
                # For pages of other sites each answer has headers of its own.
                yield {} if admission.cors_origins else {AT_ONCE: AtOnce(guard, kept)}
            broadcast.close()
            group.cancel_scope.cancel()
        await ledger.recording.close()
        await run_sync(audit.verifying.close)
        ledger.close()

    sign_in = SignIn(admission.access, cookie).routes if admission.access else ()
    routes = [
        *routes_of(ledger, kept, ENDPOINTS),
        *sign_in,
        *_page_routes(ledger, admission, audit),
    ]
    app = Starlette(
        routes=routes,
        middleware=[
            *_at_the_door(admission, cookie, position, routes),
            Middleware(AnsweredFirst, kept=kept),
            Middleware(AppendedFirst, ledger=ledger),
            Middleware(BodyLimits),
            Middleware(SecurityHeaders),
            Middleware(PositionHeader, position=position),
        ],
        exception_handlers=ANSWERS_TO_ERRORS,
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


def run(
    folder: Path | str,
    listener: socket.socket,
    *,
    key: SigningKey | None = None,
    access: Access | None = None,
    allow_hosts: Sequence[str] = (),
    cors_origins: Sequence[str] = (),
    root_path: str = "",
    redact: Sequence[str] = (),
) -> bool:
    """Serve the ledger in ``folder`` until a signal ends it; tell whether it ever served.

    Args:
        folder: the data folder.
        listener: a socket that listens.
        key: signs the tree heads.
        access: judges credentials; without it everybody may read.
        allow_hosts: names under which the server answers, beside its own address.
        cors_origins: sites whose pages may read.
        root_path: the prefix under which a proxy shows the server.
        redact: names of further keys whose text is never recorded (see ``EventLog.open``).
    """
    address, port = listener.getsockname()[:2]
    admission = Admission(
        access=access,
        anonymous=frozenset() if access else frozenset({"read"}),
        hosts=allowed_hosts(address, port, allow_hosts),
        cors_origins=cors_origins,
    )
    app = create_app(folder, key=key, admission=admission, redact=redact)
    return run_server(app, listener, root_path=root_path)


def _page_routes(ledger: ServedLedger, admission: Admission, audit: Audit) -> list[BaseRoute]:
    is_writable = os.access(ledger.reader.folder.path, os.W_OK)

    def changes(request: Request) -> Changes:
        if not admission.may_change:
            return Changes.NEVER
        if not permits(request.scope, "admin"):
            return Changes.REFUSED
        return Changes.TAKEN if is_writable else Changes.NEVER

    return [
        *page_routes(PAGES, ledger.history, audit, changes),
        *audit.routes,
        acknowledge_route(ledger.history, ledger.recording),
        compare_markdown_route(ledger.history, _in_markdown),
        static_files(),
    ]


def _in_markdown(comparison: RunComparison) -> str:
    # It needs what the command line needs, which serving alone does not.
    from automation.commands.printing.comparison_markdown import comparison_markdown  # noqa: PLC0415

    return comparison_markdown(comparison)


def _at_the_door(
    admission: Admission,
    cookie: str,
    position: Callable[[], int],
    routes: Sequence[BaseRoute],
) -> list[Middleware]:
    """Give what stands before everything, before the answers that are kept too."""
    guard = Middleware(
        Guard,
        admission=admission,
        cookie=cookie,
        position=position,
        routes=routes,
        appending=[compile_path(each.path)[0] for each in ENDPOINTS if each.scope == "append"],
    )
    if not admission.cors_origins:
        return [guard]
    cors = Middleware(
        CrossOrigin,
        sites=admission.cors_origins,
        hosts=admission.hosts,
        exposed=list(DESCRIBED),
    )
    return [cors, guard]
