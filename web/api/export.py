"""Runs, the attempts of their stages, or events, as a table for other tools."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field

from projections.errors import ParquetUnavailable
from projections.exporting.columns import Exported
from projections.exporting.event_export import EventFilter, export_events
from projections.exporting.export import Export
from projections.exporting.formats import TEXT_FORMATS, ExportFormat
from projections.exporting.parquet_format import write_parquet
from projections.exporting.run_export import export_runs, export_stages
from projections.listing.run_filter import RunFilter
from web.api.endpoint import NDJSON, Answer, Call, Endpoint, Gives
from web.api.runs import NOT_THAT_FAR, RunConditions
from web.ledger_headers import view_header
from web.problems import Failure, Refused

__all__ = ["ENDPOINTS", "ExportQuery"]

NOT_OF_EVENTS = Failure(409, "not-of-events", "That chooses no events")
NO_PARQUET = Failure(501, "parquet-unavailable", "Parquet is not installed at the server")

_CSV, _PARQUET = "text/csv; charset=utf-8", "application/vnd.apache.parquet"
_MEDIA_TYPES = {
    ExportFormat.CSV: _CSV,
    ExportFormat.JSONL: NDJSON,
    ExportFormat.PARQUET: _PARQUET,
}
_PIECE = 1 << 16


class ExportQuery(RunConditions):
    """What to export, of which runs, and how."""

    what: Annotated[Exported, Field(description="What a row is.")] = Exported.RUNS
    format: Annotated[
        ExportFormat | None, Field(description="How rows are written; else as `Accept` says.")
    ] = None


def export(call: Call[ExportQuery]) -> Answer:
    """Write runs, the attempts of their stages, or events as a table, as of one position.

    Of the conditions, only the pipeline chooses events.
    """
    asked = call.asked
    chosen = {media: layout for layout, media in _MEDIA_TYPES.items()}[call.media_type]
    layout = asked.format or chosen
    exported = _export(call)
    name = f"{asked.what}-{exported.position}.{layout}"
    pieces = (
        _parquet(exported) if layout is ExportFormat.PARQUET else TEXT_FORMATS[layout](exported)
    )
    return Answer(
        body=pieces,
        position=exported.position,
        media_type=_MEDIA_TYPES[layout],
        etag=f'W/"{exported.position}-{call.ledger.tag()}-{layout}"',
        is_past=True,
        headers={
            **view_header(call.ledger.history, exported.position),
            "Content-Disposition": f'attachment; filename="{name}"',
        },
    )


def _export(call: Call[ExportQuery]) -> Export:
    asked, history, matching = call.asked, call.ledger.history, call.asked.matching()
    if asked.what is Exported.EVENTS:
        if matching != RunFilter(pipeline=matching.pipeline):
            text = "Of the conditions, only the pipeline chooses events."
            raise Refused(NOT_OF_EVENTS.problem(text))
        chosen = EventFilter(pipeline=matching.pipeline)
        return export_events(history, matching=chosen, as_of=asked.as_of)
    write = export_runs if asked.what is Exported.RUNS else export_stages
    return write(history, matching=matching, as_of=asked.as_of)


def _parquet(exported: Export) -> Iterator[bytes]:
    """Write the file, which has to be whole before its first byte is known, and yield it."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "export.parquet")
        try:
            write_parquet(exported, path)
        except ParquetUnavailable as error:
            text = f"{error}, where the server runs. It finds it then without a restart."
            raise Refused(NO_PARQUET.problem(text)) from None
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece


ENDPOINTS = (
    Endpoint(
        path="/api/pipeline/export",
        summary="A table for other tools",
        answer=export,
        asks=ExportQuery,
        gives=[
            Gives(_CSV, description="CSV with a line of names."),
            Gives(NDJSON, description="A JSON object a line."),
            Gives(_PARQUET, description="A Parquet file."),
        ],
        fails=[NOT_THAT_FAR, NOT_OF_EVENTS, NO_PARQUET],
        tells=["Content-Disposition"],
    ),
)
