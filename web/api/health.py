"""Whether the process answers, and whether its answers are whole and up to date."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from projections.read_model.readiness import Readiness, readiness
from web.api.endpoint import Answer, Call, Endpoint, Gives, NoParameters
from web.problems import Failure, Refused

__all__ = ["ENDPOINTS"]

NOT_READY = Failure(503, "not-ready", "The answers are not whole or not up to date")


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"]


def healthz(call: Call[NoParameters]) -> Answer:
    """Tell that the process answers; nothing is asked of the log."""
    del call
    return Answer(body=b'{"status":"ok"}')


def readyz(call: Call[NoParameters]) -> Answer:
    """Tell whether answers are whole and up to date: the lag, parked events, and damage."""
    found = readiness(call.ledger.reader)
    if found.reasons:
        detail = f"Not ready: {'; '.join(found.reasons)}."
        raise Refused(NOT_READY.problem(detail, **found.model_dump()))
    return Answer(body=found.model_dump_json().encode(), position=found.position)


ENDPOINTS = (
    Endpoint(
        path="/healthz",
        summary="Whether the process answers",
        answer=healthz,
        gives=[Gives(model=Health)],
        scope=None,
    ),
    Endpoint(
        path="/readyz",
        summary="Whether answers are whole and up to date",
        answer=readyz,
        gives=[Gives(model=Readiness)],
        fails=[NOT_READY],
    ),
)
