"""The application: routes as data and one lifespan. What is served is decided elsewhere."""

from __future__ import annotations

import logging
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from automation.upkeep import Upkeep
from ledger.evidence.signed_note import SigningKey
from projections import RunHistory
from web.api import RunsApi, health
from web.broadcast import Broadcast
from web.live import follow
from web.pages import RunsPages
from web.problems import ANSWERS_TO_ERRORS
from web.safety.answer_headers import SecurityHeaders
from web.safety.body_limits import BodyLimits
from web.safety.guard import Access, Guard, Rules
from web.safety.hosts import allowed_hosts
from web.safety.sign_in import SignIn
from web.server import run_server
from web.stop_signals import on_stop_signal
from web.stream import ChangeStream

__all__ = ["create_app", "run"]

_logger = logging.getLogger("runfold.server")
_SHORTEST_PAUSE = 1.0
_LONGEST_ANSWER = 20.0


def create_app(
    folder: Path | str,
    *,
    key: SigningKey | None = None,
    access: Access | None = None,
    anonymous: frozenset[str] | None = None,
    hosts: frozenset[bytes] | None = None,
    cors_origins: Sequence[str] = (),
    upkeep_interval: float = 5.0,
    heartbeat: float = 15.0,
) -> Starlette:
    """Make the application that serves the ledger in ``folder``.

    Args:
        folder: the data folder.
        key: signs the tree heads of the ledger; without one they are unsigned.
        access: judges credentials.
        anonymous: scopes for which nobody needs one: ``read``, ``append``, ``admin``. Unless said,
            none where there is ``access``, and ``read`` alone where there is none.
        hosts: values of the header Host that are answered; None for any.
        cors_origins: sites whose pages may read, with a token.
        upkeep_interval: seconds between looks for runs whose writer is gone.
        heartbeat: seconds of silence after which a stream says that it is still there.

    Raises:
        LedgerNotFound: there is no ledger; serving never creates one.
    """
    history = RunHistory(folder, longest=_LONGEST_ANSWER)
    broadcast = Broadcast()
    upkeep = Upkeep(history, key)
    if anonymous is None:
        anonymous = frozenset() if access else frozenset({"read"})
    cookie = f"runfold_{history.reader.identity.ledger_id[:8]}"
    rules = Rules(access, hosts, cookie=cookie, anonymous=anonymous)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with anyio.create_task_group() as group:
            group.start_soon(follow, history, broadcast)
            group.start_soon(_keep, upkeep, broadcast, upkeep_interval)
            with on_stop_signal(broadcast.close):
                yield
            broadcast.close()
            group.cancel_scope.cancel()
        history.close()

    app = Starlette(
        routes=[
            *_routes(history, ChangeStream(broadcast, heartbeat=heartbeat)),
            *(SignIn(access, rules.cookie).routes if access else ()),
        ],
        middleware=_middleware(rules, cors_origins),
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
) -> bool:
    """Serve the ledger in ``folder`` until a signal ends it; tell whether it ever served.

    Args:
        folder: the data folder.
        listener: a socket that listens.
        key: signs the tree heads.
        access: judges credentials.
        allow_hosts: names under which the server answers, beside its own address.
        cors_origins: sites whose pages may read.
        root_path: the prefix under which a proxy shows the server.
    """
    address, port = listener.getsockname()[:2]
    hosts = allowed_hosts(address, port, allow_hosts)
    app = create_app(folder, key=key, access=access, hosts=hosts, cors_origins=cors_origins)
    return run_server(app, listener, root_path=root_path)


def _routes(history: RunHistory, changes: ChangeStream) -> list[BaseRoute]:
    api, pages = RunsApi(history), RunsPages(history)
    return [
        Route("/", pages.runs),
        Route("/fragments/runs", pages.runs_fragment),
        Route("/api/pipeline/runs", api.list_runs),
        Route("/api/pipeline/runs/{run_id}", api.one_run),
        Route("/api/pipeline/stream", changes.stream),
        Route("/healthz", health),
        Mount("/static", StaticFiles(packages=[("web", "static")])),
    ]


def _middleware(rules: Rules, cors_origins: Sequence[str]) -> list[Middleware]:
    """Give what each request passes, outermost first."""
    cors = Middleware(
        CORSMiddleware,
        allow_origins=cors_origins,
        allow_methods=["GET", "HEAD"],
        allow_headers=["Authorization", "If-None-Match", "Last-Event-ID"],
        expose_headers=["ETag", "Link", "X-Ledger-Position"],
    )
    return [
        Middleware(SecurityHeaders),
        *([cors] if cors_origins else ()),
        Middleware(Guard, rules=rules),
        Middleware(BodyLimits),
    ]


async def _keep(upkeep: Upkeep, broadcast: Broadcast, interval: float) -> None:
    """Do a round now, soon after the log has grown, and after each interval; for ever."""
    done, waited = -1, interval
    pause = min(_SHORTEST_PAUSE, interval)
    while True:
        position = broadcast.latest.position if broadcast.latest else 0
        if position != done or waited >= interval:
            try:
                await run_sync(upkeep.do_round)
            except Exception:
                # A bug in the upkeep must not end it, nor the server.
                _logger.exception("the upkeep of the ledger failed; it will be tried again")
            done, waited = position, 0.0
        await anyio.sleep(pause)
        waited += pause
