"""Errors as problem details (RFC 9457), as a page where a person opened one in a browser."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, cast

from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ExceptionHandler

from ledger.errors import InvalidEvent, LedgerDamaged, LedgerError, LedgerReplaced
from projections.errors import (
    AsOfNotReached,
    PeriodReversed,
    ProjectionBehind,
    ProjectionInvalid,
    ProjectionMissing,
    QuestionTooLong,
    ReadModelOfAnotherLog,
    ReadModelUnusable,
)
from web.addresses import way_up
from web.safety.answer_headers import SECURITY_HEADERS
from web.templating import render

__all__ = [
    "ANSWERS_TO_ERRORS",
    "Failure",
    "InvalidParameters",
    "ParameterError",
    "Problem",
    "ProblemDetails",
    "Refused",
    "answer",
    "listed",
    "wants_page",
]


@dataclass(frozen=True, slots=True)
class ParameterError:
    """What is wrong with one query parameter, or one field of a form."""

    parameter: str
    detail: str


def listed(errors: Iterable[ParameterError]) -> list[dict[str, str]]:
    """List what is wrong as a problem has it: a sentence for each parameter, without its stop."""
    return [
        {"parameter": each.parameter, "detail": each.detail[:1].upper() + each.detail[1:]}
        for each in errors
    ]


@dataclass(eq=False)
class InvalidParameters(Exception):
    """The query cannot be answered; names each parameter that is wrong."""

    errors: Sequence[ParameterError]


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong, for people in ``detail`` and for programs in ``kind`` and ``members``."""

    status: int
    detail: str
    kind: str | None = None
    title: str | None = None
    members: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Give the members of RFC 9457, then those of this kind of problem."""
        return {
            "type": f"urn:runfold:problem:{self.kind}" if self.kind else "about:blank",
            "title": self.title or HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            **self.members,
        }


class WrongParameter(BaseModel):
    """A parameter, and what is wrong with it."""

    parameter: str
    detail: str


class WrongEvent(BaseModel):
    """An event of a batch, counted from 0, and why the batch was refused for it."""

    index: int
    reason: str
    field: str | None = None
    event_id: str | None = None


class ProblemDetails(BaseModel):
    """What went wrong (RFC 9457); kinds of problems have further members."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    errors: tuple[WrongParameter | WrongEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """A problem that an endpoint may answer with, besides those that any may."""

    status: int
    kind: str
    title: str

    def problem(self, detail: str, **members: object) -> Problem:
        """Give the problem itself."""
        return Problem(self.status, detail, kind=self.kind, title=self.title, members=members)


@dataclass(eq=False)
class Refused(Exception):
    """There is no other answer than a problem."""

    problem: Problem
    headers: Mapping[str, str] = field(default_factory=dict)


def answer(
    request: Request, problem: Problem, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer with a problem: as JSON, or as a page to a browser that is not at the API."""
    body = problem.as_json()
    if wants_page(request):
        page = render(
            "problem.html",
            problem=body,
            layout="plain.html",
            root=way_up(request),
            can_ask_again=request.method == "GET",
        )
        return HTMLResponse(page, problem.status, headers)
    return Response(
        json.dumps(body), problem.status, headers, media_type="application/problem+json"
    )


def wants_page(request: Request) -> bool:
    """Tell whether a browser asks, and not at the API."""
    path: str = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    return "text/html" in request.headers.get("accept", "") and not path.startswith("/api/")


def _http_error(request: Request, error: Exception) -> Response:
    """Answer what routing found: an unknown address, a method that is not served."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict((isinstance(error, HTTPException) and error.headers) or {})
    if "Allow" in headers:
        # Starlette names the methods in the order of a set.
        headers["Allow"] = ", ".join(sorted(headers["Allow"].split(", ")))
    details = {
        404: f"There is nothing at {request.url.path}.",
        405: f"{request.url.path} does not take {request.method}.",
    }
    said = error.detail if isinstance(error, HTTPException) else ""
    detail = details.get(status, f"{said or HTTPStatus(status).phrase}.".replace("..", "."))
    return answer(request, Problem(status, detail), headers)


def _invalid_parameters(request: Request, error: Exception) -> Response:
    errors = error.errors if isinstance(error, InvalidParameters) else ()
    names = ", ".join(dict.fromkeys(each.parameter for each in errors))
    problem = Problem(
        422,
        f"Wrong in the query: {names}.",
        kind="invalid-parameters",
        title="Invalid query parameters",
        members={"errors": listed(errors)},
    )
    return answer(request, problem)


def _refused(request: Request, error: Exception) -> Response:
    refused = cast("Refused", error)
    return answer(request, refused.problem, refused.headers)


def _invalid_value(request: Request, error: Exception) -> Response:
    """Answer what the projections refuse, which name their arguments as the parameters are."""
    invalid = cast("InvalidEvent", error)
    named = [ParameterError(invalid.field, invalid.reason)]
    if isinstance(invalid, PeriodReversed):
        # Which of the two is the wrong one, only who asked can tell.
        named.insert(0, ParameterError(invalid.begin, f"Lies beyond {invalid.field}"))
    return _invalid_parameters(request, InvalidParameters(named))


def _not_reached(request: Request, error: Exception) -> Response:
    """Answer to a past that has not come to pass yet."""
    missed = cast("AsOfNotReached", error)
    problem = Problem(
        404,
        f"The log does not reach position {missed.position}: its last is {missed.last}.",
        kind="as-of-not-reached",
        title="The log does not reach that far",
        members={"position": missed.last},
    )
    return answer(request, problem)


def _unreadable(request: Request, error: Exception) -> Response:
    """Answer that the log cannot be read now; names the position where that is known."""
    if isinstance(error, LedgerDamaged | ReadModelOfAnotherLog):
        detail = (
            f"The log cannot be read at position {error.position}: {error.reason}."
            " runfold verify shows how far it goes."
        )
        problem = Problem(
            503,
            detail,
            kind="ledger-damaged",
            title="The log is damaged",
            members={"position": error.position},
        )
    elif isinstance(error, LedgerReplaced):
        problem = Problem(
            503,
            f"The log was replaced or cut while it was served: {error.reason}.",
            kind="ledger-replaced",
            title="The log was replaced",
        )
    elif isinstance(error, ProjectionBehind):
        problem = Problem(503, f"{error}.", kind="behind", members={"position": error.position})
    elif isinstance(error, ReadModelUnusable):
        problem = Problem(
            503,
            f"The view of the log cannot be used now: {error.cause}. No event is lost by it; once"
            " that is mended, ask again.",
            kind="view-unusable",
            title="The view cannot be used",
        )
    elif isinstance(error, QuestionTooLong):
        problem = Problem(503, f"{error}.".capitalize(), kind="too-long", title="It took too long")
    elif isinstance(error, ProjectionMissing | ProjectionInvalid):
        problem = Problem(
            503,
            f"{error}. Then start this server again.",
            kind="projection-unusable",
            title="A projection cannot be used",
            members={"projection": error.name},
        )
    else:
        problem = Problem(503, "The log cannot be read now; the server's own log says why.")
    return answer(request, problem)


def _unexpected(request: Request, _error: Exception) -> Response:
    """Answer what nobody foresaw. Made outside the middleware, so it brings all headers itself."""
    problem = Problem(500, "The server failed at this; its own log says why.")
    return answer(request, problem, SECURITY_HEADERS)


ANSWERS_TO_ERRORS: Mapping[type[Exception], ExceptionHandler] = {
    HTTPException: _http_error,
    InvalidParameters: _invalid_parameters,
    Refused: _refused,
    InvalidEvent: _invalid_value,
    AsOfNotReached: _not_reached,
    LedgerError: _unreadable,
    Exception: _unexpected,
}
