"""``POST /api/pipeline/runs/{run_id}/lease``: a writer elsewhere says that it is still there.

No event is appended. A lease is of a run that is in the log: its start is sent first.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from pydantic import BaseModel, Field

from ledger.errors import InvalidEvent, LedgerUnwritable
from ledger.fields import RUN_ID
from ledger.writers.leases import LEASE_SECONDS, keep_lease
from web.api.append_refusals import UNWRITABLE, refusal_of
from web.api.endpoint import Answer, Call, Endpoint, Gives
from web.api.runs import UNKNOWN_RUN, unknown_run
from web.parameters import Asked, LeaseSeconds
from web.problems import InvalidParameters, ParameterError

__all__ = ["ENDPOINTS"]


class LeaseQuery(Asked):
    """Whose lease, and how long it lasts."""

    run_id: str
    seconds: Annotated[
        LeaseSeconds, Field(description="The writer will be heard of again by then.")
    ] = LEASE_SECONDS


class KeptLease(BaseModel):
    """Until when the writer of a run counts as there without a further sign."""

    run_id: str
    until: datetime


def keep_writers_lease(call: Call[LeaseQuery]) -> Answer:
    """Note that the writer of a run is still there; no event is appended.

    Raises:
        InvalidParameters: the run id is not an identifier.
        Refused: there is no such run, or the folder cannot be written.
    """
    folder, asked, history = call.ledger.reader.folder, call.asked, call.ledger.history
    if RUN_ID.fullmatch(asked.run_id) and history.first_position(asked.run_id) is None:
        raise unknown_run(history, asked.run_id)
    try:
        lease = keep_lease(folder, asked.run_id, now=datetime.now(UTC), seconds=asked.seconds)
    except InvalidEvent as error:
        raise InvalidParameters([ParameterError(error.field, error.reason)]) from None
    except LedgerUnwritable as error:
        raise refusal_of(error, ()) from error
    return Answer(body=msgspec.json.encode({"run_id": asked.run_id, "until": lease.until}))


ENDPOINTS = (
    Endpoint(
        path="/api/pipeline/runs/{run_id}/lease",
        summary="Say that the writer of a run is still there",
        answer=keep_writers_lease,
        asks=LeaseQuery,
        gives=[Gives(model=KeptLease)],
        fails=[UNKNOWN_RUN, UNWRITABLE],
        scope="append",
        method="POST",
    ),
)
