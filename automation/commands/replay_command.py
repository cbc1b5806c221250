"""``runfold replay``: the events as they lie in the log, byte for byte, or as a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from automation.commands.options.moments import PAST, parse_past
from automation.commands.options.options import FolderOption, folder_of
from automation.commands.options.replay_selection import select
from automation.commands.printing.output import write_data
from automation.commands.show_command import find_run_id
from ledger import LogReader
from ledger.line.decoding import decode

__all__ = ["replay"]

_PIECE = 1 << 18

_Layout = Callable[[Sequence[bytes]], bytes]


class ReplayFormat(StrEnum):
    """How the events are written."""

    JSONL = "jsonl"
    TABLE = "table"


def replay(
    *,
    run_id: Annotated[
        str | None,
        typer.Option(
            "--run",
            metavar="ID",
            help="Only this run; the beginning of its id will do.",
        ),
    ] = None,
    after: Annotated[
        str | None,
        typer.Option(metavar=PAST, help="Only the events after this position, or recorded later."),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            metavar=PAST,
            help="Only the events up to this position, or recorded by then: "
            "a day, a time with its zone, or so long ago.",
        ),
    ] = None,
    types: Annotated[
        list[str] | None,
        typer.Option("--type", metavar="TYPE", help="Only events of this type. May be repeated."),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on with what is appended, until Ctrl-C.")
    ] = False,
    layout: Annotated[
        ReplayFormat, typer.Option("--format", help="The raw bytes of the lines, or a table.")
    ] = ReplayFormat.JSONL,
    folder: FolderOption = None,
) -> None:
    """Print the events of the log, or of one run, byte for byte as they lie in the log."""
    now = datetime.now(UTC)
    behind = 0 if after is None else parse_past("--after", after, now)
    end = None if until is None else parse_past("--until", until, now)
    reader = LogReader(folder_of(folder))
    own = None if run_id is None else find_run_id(reader, run_id)
    selection = select(
        reader,
        run_id=own,
        after=behind,
        until=end,
        types=types or (),
        follow=follow,
    )
    lay_out = _as_lines if layout is ReplayFormat.JSONL else _as_table(with_run=run_id is None)
    mark = reader.mark()
    last = max(selection.after, mark.position)
    # Taken before anything is printed: the log may be replaced while that goes on.
    leaf = reader.leaf_at(last) if follow else ""
    if not _write(selection.recorded(reader, mark), lay_out) or not follow:
        return
    for line in selection.coming(reader, last, leaf):
        if not write_data(lay_out([line])):
            return


def _write(lines: Iterable[bytes], lay_out: _Layout) -> bool:
    """Write lines in pieces of bounded size; tell whether anybody still reads."""
    piece: list[bytes] = []
    size = 0
    for line in lines:
        piece.append(line)
        size += len(line)
        if size >= _PIECE:
            if not write_data(lay_out(piece)):
                return False
            piece, size = [], 0
    return not piece or write_data(lay_out(piece))


def _as_lines(lines: Sequence[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def _as_table(*, with_run: bool) -> _Layout:
    # Here, as the raw lines need no rich.
    from automation.commands.printing.event_table import EventTable  # noqa: PLC0415

    table = EventTable(with_run=with_run)
    return lambda lines: table.rows([decode(line) for line in lines])
