"""The form by which a person says of a kind of failure that it is known.

What it says becomes an event like any other, appended by the log that the server has open. Who may
send it is decided by the guard, before it comes here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated
from urllib.parse import parse_qs

from anyio.to_thread import run_sync
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ledger import LedgerError, NewEvent
from ledger.errors import InvalidEvent
from ledger.events import FailureAcknowledged, build
from ledger.faults import faults_of
from projections import RunHistory
from projections.failures.by_fingerprint import find_fingerprints
from web.addresses import way_up
from web.api.append_refusals import refusal_of
from web.api.recording import Recording
from web.api.request_body import media_type_of, read_body
from web.pages.failures_query import FailuresQuery, failures_address
from web.pages.query import read_query
from web.problems import InvalidParameters, ParameterError, Problem, Refused, listed

__all__ = ["acknowledge_route"]

_FORM = "application/x-www-form-urlencoded"
_MOST_BYTES = 64 * 1024


class Acknowledgement(BaseModel):
    """What the form says; ``back`` is the query of the list that it was sent from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    note: Annotated[str, Field(max_length=10_000)]
    actor: Annotated[str, Field(max_length=200)]
    back: str = ""


def acknowledge_route(history: RunHistory, recording: Recording) -> Route:
    """Give the route that takes the form."""

    async def acknowledge(request: Request) -> Response:
        media_type_of(request, (_FORM,))
        said = _read(await read_body(request, limit=_MOST_BYTES))
        fingerprint: str = request.path_params["fingerprint"]
        found = await run_sync(lambda: find_fingerprints(history, fingerprint, limit=1))
        if found != [fingerprint]:
            detail = f"No failure has the fingerprint {fingerprint!r}."
            raise Refused(Problem(404, detail, kind="unknown-failure", title="Unknown failure"))
        await _append(recording, fingerprint, said)
        address = failures_address(_list(said.back), acknowledged=fingerprint)
        headers = {"Cache-Control": "no-store"}
        return RedirectResponse(f"{way_up(request)}{address}", 303, headers)

    return Route("/failures/{fingerprint}/acknowledge", acknowledge, methods=["POST"])


async def _append(recording: Recording, fingerprint: str, said: Acknowledgement) -> None:
    events = []
    try:
        data = build(FailureAcknowledged, fingerprint=fingerprint, note=said.note, actor=said.actor)
        events = [NewEvent(data)]
        await recording.append(events)
    except InvalidEvent as error:
        raise _wrong([(error.field, error.reason)]) from None
    except LedgerError as error:
        raise refusal_of(error, events) from error


def _read(body: bytes) -> Acknowledgement:
    """Read the form.

    Raises:
        Refused: names each field that is missing or wrong.
    """
    fields = parse_qs(body.decode("utf-8", "replace"))
    said = {name: each[-1].strip() for name, each in fields.items()}
    try:
        return Acknowledgement.model_validate({name: text for name, text in said.items() if text})
    except ValidationError as error:
        raise _wrong(faults_of(error)) from None


def _wrong(faults: Iterable[tuple[str, str]]) -> Refused:
    return Refused(
        Problem(
            422,
            "Nothing was recorded: it takes a note and a name.",
            kind="invalid-form",
            title="Say what is known of it, and who says so",
            members={"errors": listed(ParameterError(*fault) for fault in faults)},
        )
    )


def _list(query: str) -> FailuresQuery:
    """Read which list to go back to; to the whole one where that is not told."""
    try:
        return read_query(FailuresQuery, QueryParams(query))
    except InvalidParameters:
        return FailuresQuery()
