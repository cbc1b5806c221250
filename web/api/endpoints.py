"""All endpoints there are: what is mounted, and what the OpenAPI document says."""

from __future__ import annotations

from web.api import appending, health, leasing, runs
from web.api.documentation import documentation_of
from web.api.endpoint import Endpoint

__all__ = ["ENDPOINTS"]

_DESCRIBED: tuple[Endpoint, ...] = (
    *runs.ENDPOINTS,
    *appending.ENDPOINTS,
    *leasing.ENDPOINTS,
    *health.ENDPOINTS,
)

ENDPOINTS = (*_DESCRIBED, *documentation_of(_DESCRIBED))
