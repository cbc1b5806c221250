"""``runfold export``: runs, stages or events as CSV, JSON lines or Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import replace

from automation.commands.options.moments import PAST, parse_past
from automation.commands.options.options import FolderOption, JsonOption, check_run_id, folder_of
from automation.commands.options.replay_selection import check_type
from automation.commands.options.run_filter_options import chooses_runs, with_whole_fingerprint
from automation.commands.printing.lacks import warn_of_lacks
from automation.commands.printing.output import write_data, write_json, write_words
from automation.commands.printing.output_file import replacing
from automation.commands.show_command import find_run
from automation.errors import BadArgument
from ledger.recording.termination import sigterm_raises
from projections import RunHistory
from projections.exporting.columns import Exported
from projections.exporting.event_export import EventFilter, export_events
from projections.exporting.export import Export
from projections.exporting.formats import TEXT_FORMATS, ExportFormat
from projections.exporting.parquet_format import write_parquet
from projections.exporting.run_export import export_runs, export_stages
from projections.listing.as_of import AsOf
from projections.listing.period import check_period
from projections.listing.run_filter import RunFilter

__all__ = ["export"]


@chooses_runs
def export(
    *,
    matching: RunFilter,
    what: Annotated[Exported, typer.Option(help="What a row is.")] = Exported.RUNS,
    layout: Annotated[
        ExportFormat | None,
        typer.Option("--format", show_default="what FILE ends with, else csv", help="How it is."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="The file; stdout if none is given."),
    ] = None,
    run_id: Annotated[
        str | None, typer.Option("--run", metavar="ID", help="Events: only those of this run.")
    ] = None,
    types: Annotated[
        list[str] | None,
        typer.Option("--type", metavar="TYPE", help="Events: only of this type; may be repeated."),
    ] = None,
    after: Annotated[
        str | None,
        typer.Option(metavar=PAST, help="Events: only those behind this, or recorded later."),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            "--until",
            metavar=PAST,
            help="As it was at this position, or then: "
            "a day, a time with its zone, or so long ago.",
        ),
    ] = None,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write runs, the attempts of their stages, or events as a table for other tools.

    With --json it says on stdout, as JSON, what was written into FILE.
    """
    layout = layout or _format_of(out)
    if out is None and (layout is ExportFormat.PARQUET or as_json):
        option = "--json" if as_json else "--format"
        raise BadArgument(option, "it needs -o FILE")
    now = datetime.now(UTC)
    past = None if as_of is None else parse_past("--as-of (--until)", as_of, now)
    behind = None if after is None else parse_past("--after", after, now)
    if isinstance(behind, datetime) and isinstance(past, datetime):
        check_period(("--after", behind), ("--as-of (--until)", past))
    events = _event_filter(what, matching, run_id=run_id, types=types, after=behind)
    with RunHistory(folder_of(folder)) as history, sigterm_raises():
        exported = _export(history, what, matching, events, past)
        size = _write(exported, layout, out)
        if size is None:
            return
        said = f"{what} as of position {exported.position}"
        place = "" if out is None else f" are in {out}"
        write_words(f"{said}{place}")
        if out is not None and as_json:
            write_json(
                {
                    "what": what,
                    "format": layout,
                    "position": exported.position,
                    "file": str(out.absolute()),
                    "bytes": size,
                }
            )
        warn_of_lacks(history, pipeline=matching.pipeline)


def _format_of(out: Path | None) -> ExportFormat:
    """Tell by the name of the file what is wanted.

    Raises:
        BadArgument: it ends like a file of another format.
    """
    ending = "" if out is None else out.suffix.removeprefix(".").lower()
    if ending and ending not in list(ExportFormat):
        known = ", ".join(ExportFormat)
        raise BadArgument("--out", f"{out} names none of {known}: say which by --format")
    return ExportFormat(ending or ExportFormat.CSV)


def _event_filter(
    what: Exported,
    matching: RunFilter,
    *,
    run_id: str | None,
    types: list[str] | None,
    after: AsOf | None,
) -> EventFilter | None:
    """Read which events are asked for; None where it is not events.

    Raises:
        BadArgument: an option does not go with what is exported.
    """
    if what is not Exported.EVENTS:
        for option, value in {"--run": run_id, "--type": types, "--after": after}.items():
            if value not in (None, []):
                raise BadArgument(option, "it chooses events: --what events")
        return None
    if matching != RunFilter(pipeline=matching.pipeline):
        reason = "of the options that choose runs, only --pipeline chooses events"
        raise BadArgument("--what events", reason)
    for event_type in types or ():
        check_type(event_type)
    return EventFilter(
        run_id=None if run_id is None else check_run_id(run_id),
        pipeline=matching.pipeline,
        types=frozenset(types or ()),
        after=after or 0,
    )


def _export(
    history: RunHistory,
    what: Exported,
    matching: RunFilter,
    events: EventFilter | None,
    past: AsOf | None,
) -> Export:
    if events is not None:
        if events.run_id is not None:
            events = replace(events, run_id=find_run(history, events.run_id).run_id)
        return export_events(history, matching=events, as_of=past)
    chosen = export_stages if what is Exported.STAGES else export_runs
    return chosen(history, matching=with_whole_fingerprint(matching, history), as_of=past)


def _write(exported: Export, layout: ExportFormat, out: Path | None) -> int | None:
    """Write it, and give how many bytes there are; None where nobody reads any more."""
    if out is None:
        return _write_out(TEXT_FORMATS[layout](exported))
    with replacing(out) as path:
        if layout is ExportFormat.PARQUET:
            write_parquet(exported, path)
        else:
            with path.open("wb") as file:
                file.writelines(TEXT_FORMATS[layout](exported))
        return path.stat().st_size


def _write_out(chunks: Iterator[bytes]) -> int | None:
    size = 0
    for chunk in chunks:
        if not write_data(chunk):
            return None
        size += len(chunk)
    return size
