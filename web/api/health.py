"""Whether the process answers, and whether its answers are whole and up to date."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from web.api.endpoint import Answer, Call, Endpoint, Gives, NoParameters

__all__ = ["ENDPOINTS"]


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"]


def healthz(call: Call[NoParameters]) -> Answer:
    """Tell that the process answers; nothing is asked of the log."""
    del call
    return Answer(body=b'{"status":"ok"}')


ENDPOINTS = (
    Endpoint(
        path="/healthz",
        summary="Whether the process answers",
        answer=healthz,
        gives=[Gives(model=Health)],
        scope=None,
    ),
)
