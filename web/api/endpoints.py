"""All endpoints there are: what is mounted, and what the OpenAPI document says."""

from __future__ import annotations

from web.api import (
    appending,
    comparison,
    events,
    evidence,
    explanation,
    export,
    failures,
    health,
    leasing,
    metrics,
    pipelines,
    projections,
    runs,
    statistics,
    stream,
)
from web.api.documentation import documentation_of
from web.api.endpoint import Endpoint

__all__ = ["ENDPOINTS"]

_DESCRIBED: tuple[Endpoint, ...] = (
    *runs.ENDPOINTS,
    *explanation.ENDPOINTS,
    *events.ENDPOINTS,
    *stream.ENDPOINTS,
    *statistics.ENDPOINTS,
    *failures.ENDPOINTS,
    *comparison.ENDPOINTS,
    *export.ENDPOINTS,
    *pipelines.ENDPOINTS,
    *projections.ENDPOINTS,
    *evidence.ENDPOINTS,
    *appending.ENDPOINTS,
    *leasing.ENDPOINTS,
    *health.ENDPOINTS,
    *metrics.ENDPOINTS,
)

ENDPOINTS = (*_DESCRIBED, *documentation_of(_DESCRIBED))
