"""The application: routes as data and one lifespan. What is served is decided elsewhere."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from automation.upkeep import Upkeep
from ledger.evidence.signed_note import SigningKey
from projections import RunHistory
from web.api.endpoints import ENDPOINTS
from web.api.kept_answers import AnsweredFirst, KeptAnswers
from web.api.open_streams import OpenStreams
from web.api.resource import routes_of
from web.api.served_ledger import ServedLedger
from web.broadcast import Broadcast
from web.ledger_headers import PositionHeader
from web.live import follow
from web.pages import RunsPages
from web.problems import ANSWERS_TO_ERRORS
from web.security import SecurityHeaders
from web.stop_signals import on_stop_signal

__all__ = ["create_app"]

_logger = logging.getLogger("runfold.server")
_SHORTEST_PAUSE = 1.0


def create_app(
    folder: Path | str,
    *,
    key: SigningKey | None = None,
    upkeep_interval: float = 5.0,
    heartbeat: float = 15.0,
) -> Starlette:
    """Make the application that serves the ledger in ``folder``.

    Args:
        folder: the data folder.
        key: signs the tree heads of the ledger; without one they are unsigned.
        upkeep_interval: seconds between looks for runs whose writer is gone.
        heartbeat: seconds of silence after which a stream says that it is still there.

    Raises:
        LedgerNotFound: there is no ledger; serving never creates one.
    """
    history = RunHistory(folder)
    broadcast = Broadcast()
    ledger = ServedLedger(history, broadcast, OpenStreams(), heartbeat=heartbeat)
    kept = KeptAnswers(ledger.state)
    upkeep = Upkeep(history, key)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with anyio.create_task_group() as group:
            group.start_soon(follow, history, broadcast)
            group.start_soon(_keep, upkeep, broadcast, upkeep_interval)
            with on_stop_signal(broadcast.close):
                yield
            broadcast.close()
            group.cancel_scope.cancel()
        await ledger.recording.close()
        ledger.close()

    app = Starlette(
        routes=[
            *routes_of(ledger, kept, ENDPOINTS),
            *_page_routes(ledger),
        ],
        middleware=[
            Middleware(AnsweredFirst, kept=kept),
            Middleware(SecurityHeaders),
            Middleware(PositionHeader, position=lambda: ledger.state().position),
        ],
        exception_handlers=ANSWERS_TO_ERRORS,
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


def _page_routes(ledger: ServedLedger) -> list[BaseRoute]:
    pages = RunsPages(ledger.history)
    return [
        Route("/", pages.runs),
        Route("/fragments/runs", pages.runs_fragment),
        Mount("/static", StaticFiles(packages=[("web", "static")])),
    ]


async def _keep(upkeep: Upkeep, broadcast: Broadcast, interval: float) -> None:
    """Do a round now, soon after the log has grown, and after each interval; for ever."""
    done, waited = -1, interval
    pause = min(_SHORTEST_PAUSE, interval)
    while True:
        position = broadcast.position
        if position != done or waited >= interval:
            try:
                await run_sync(upkeep.do_round)
            except Exception:
                # A bug in the upkeep must not end it, nor the server.
                _logger.exception("the upkeep of the ledger failed; it will be tried again")
            done, waited = position, 0.0
        await anyio.sleep(pause)
        waited += pause
