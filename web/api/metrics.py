"""Figures for Prometheus, from the projection: runs that crashed count, and so does the past.

They are of the whole ledger, not of this process: a server that was restarted goes on where it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from projections.engine.projector import Projector
from projections.pipelines.pipeline_counts import PipelineCounts, pipeline_counts
from projections.read_model.current_model import reading_current
from projections.read_model.readiness import Readiness, readiness
from projections.runs.run_durations import DurationCounts, duration_counts
from web.api.endpoint import Answer, Call, Endpoint, Gives, NoParameters
from web.api.served_ledger import ServedLedger

__all__ = ["BOUNDS", "ENDPOINTS"]

BOUNDS = (0.1, 0.5, 1, 5, 10, 30, 60, 300, 600, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400)
"""Seconds: runs take from a moment to a day."""

_RESULTS = ("success", "failed", "stopped")


class _Figures(Collector):
    """The figures of one moment."""

    def __init__(
        self,
        pipelines: Sequence[PipelineCounts],
        durations: Sequence[DurationCounts],
        standing: Readiness,
        log_bytes: int,
    ) -> None:
        self._pipelines = pipelines
        self._durations = durations
        self._standing = standing
        self._log_bytes = log_bytes

    def collect(self) -> Iterator[Metric]:
        """Give all of them."""
        yield from self._of_pipelines()
        took = HistogramMetricFamily(
            "runfold_run_duration_seconds", "How long ended runs took.", labels=["pipeline"]
        )
        for each in self._durations:
            counts = [
                *zip(map(str, map(float, BOUNDS)), each.up_to, strict=True),
                ("+Inf", each.runs),
            ]
            took.add_metric([each.pipeline], counts, each.seconds)
        yield took
        now = self._standing
        yield _gauge("runfold_position", "The last durable position of the log.", now.position)
        yield _gauge("runfold_lag_events", "Events that the view lacks.", now.lag_events)
        yield _gauge(
            "runfold_parked_events", "Events a projection could not take.", now.parked_events
        )
        yield _gauge(
            "runfold_damaged_positions", "Positions that cannot be read.", now.damaged_positions
        )
        yield _gauge("runfold_log_bytes", "The size of the log.", self._log_bytes)

    def _of_pipelines(self) -> Iterator[Metric]:
        ended = CounterMetricFamily(
            "runfold_runs", "Runs that have ended.", labels=["pipeline", "result"]
        )
        active = GaugeMetricFamily(
            "runfold_active_runs", "Runs that have no end yet.", labels=["pipeline"]
        )
        success = GaugeMetricFamily(
            "runfold_last_success_time_seconds",
            "When the success that began last has ended.",
            labels=["pipeline"],
        )
        for each in self._pipelines:
            name = each.pipeline or ""
            for result in _RESULTS:
                ended.add_metric([name, result], getattr(each, result))
            active.add_metric([name], each.running)
            if each.last_success is not None:
                success.add_metric([name], each.last_success.timestamp())
        yield from (ended, active, success)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _log_bytes(ledger: ServedLedger) -> int:
    folder = ledger.reader.folder
    return sum(folder.segment(first).stat().st_size for first in folder.segments())


def metrics(call: Call[NoParameters]) -> Answer:
    """Give the figures that Prometheus collects."""
    ledger = call.ledger
    pipelines, position = pipeline_counts(ledger.history)
    durations: list[DurationCounts] = []
    # Past the connection that all others share: this reads every run there is.
    with reading_current(ledger.reader, Projector(ledger.reader)) as current:
        if current is not None:
            durations = duration_counts(current.connection, BOUNDS)
    figures = _Figures(pipelines, durations, readiness(ledger.reader), _log_bytes(ledger))
    registry = CollectorRegistry(auto_describe=False)
    registry.register(figures)
    return Answer(body=generate_latest(registry), position=position, media_type=CONTENT_TYPE_LATEST)


ENDPOINTS = (
    Endpoint(
        path="/metrics",
        summary="Figures for Prometheus",
        answer=metrics,
        gives=[Gives(CONTENT_TYPE_LATEST, description="The text format of Prometheus.")],
        is_kept=True,
    ),
)
