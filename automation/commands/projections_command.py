"""``runfold projections``: how each projection stands, and what it could not take."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from automation.commands.exit_codes import ExitCode
from automation.commands.options.options import FolderOption, JsonOption, folder_of
from automation.commands.printing.output import write_data, write_json
from automation.commands.printing.terminal_text import printable
from projections.read_model.projection_standing import ProjectionStanding, parked_in, standings
from projections.read_model.row_store import ParkedEvent

__all__ = ["projections"]


def projections(
    *,
    digest: Annotated[
        bool,
        typer.Option("--digest", help="Give their digests too: reads all rows, so it takes time."),
    ] = False,
    parked: Annotated[
        bool, typer.Option("--parked", help="List the events that could not be taken.")
    ] = False,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say how each projection stands; exit 1 if one could not take an event."""
    path = folder_of(folder)
    if parked:
        events = parked_in(path)
        _show_parked(events, as_json=as_json)
        raise typer.Exit(ExitCode.WRONG if events else ExitCode.FINE)
    found = standings(path, digests=digest)
    if as_json:
        write_json({"projections": msgspec.to_builtins(found)})
    else:
        _show(found, digest=digest)
    degraded = any(standing.parked for standing in found)
    raise typer.Exit(ExitCode.WRONG if degraded else ExitCode.FINE)


def _show_parked(events: list[ParkedEvent], *, as_json: bool) -> None:
    if as_json:
        write_json({"parked": msgspec.to_builtins(events)})
        return
    lines = [
        f"{event.projection}: position {event.position}, {event.type} of run {event.run_id}:"
        f" {event.error}"
        for event in events
    ]
    write_data("".join(f"{printable(line)}\n" for line in lines or ["none is parked"]).encode())


def _show(found: list[ProjectionStanding], *, digest: bool) -> None:
    # Needs rich, which JSON does not.
    from automation.commands.printing.output import write_rich  # noqa: PLC0415
    from automation.commands.printing.projections_table import projections_table  # noqa: PLC0415

    write_rich(projections_table(found, digest=digest))
