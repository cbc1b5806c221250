"""``POST /api/pipeline/runs/{run_id}/lease``: a writer elsewhere says that it is still there.

No event is appended. The run need not be in the log yet: its start may be on the way.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from anyio.to_thread import run_sync
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from ledger.errors import InvalidEvent, LedgerUnwritable
from ledger.folder import LedgerFolder
from ledger.leases import LEASE_SECONDS, keep_lease
from web.parameters import parse_query
from web.problems import InvalidParameters, ParameterError, answer
from web.writing.refusals import refusal_of

__all__ = ["LeaseKeeping", "LeaseQuery"]


class LeaseQuery(BaseModel):
    """How long the writer promises to be heard of again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seconds: Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)] = LEASE_SECONDS


class LeaseKeeping:
    """Keeps the leases of one ledger."""

    def __init__(self, folder: LedgerFolder) -> None:
        self._folder = folder

    async def keep(self, request: Request) -> Response:
        """Keep the lease of one run, and answer until when."""
        run_id: str = request.path_params["run_id"]
        asked = parse_query(LeaseQuery, request.query_params)
        now = datetime.now(UTC)
        try:
            lease = await run_sync(
                lambda: keep_lease(self._folder, run_id, now=now, seconds=asked.seconds)
            )
        except InvalidEvent as error:
            raise InvalidParameters([ParameterError(error.field, error.reason)]) from None
        except LedgerUnwritable as error:
            refused = refusal_of(error, ())
            return answer(request, refused.problem, refused.headers)
        body = msgspec.json.encode({"run_id": run_id, "until": lease.until})
        return Response(body, media_type="application/json")
