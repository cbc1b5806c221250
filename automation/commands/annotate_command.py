"""``runfold annotate``: add metadata or a note to a run, at any time."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from automation.commands.options.actor import ActorOption, actor_of
from automation.commands.options.options import (
    FolderOption,
    JsonOption,
    folder_of,
    parse_pairs,
    redacted_keys,
)
from automation.commands.printing.output import write_data, write_json
from automation.commands.printing.terminal_text import printable
from automation.commands.show_command import find_run
from automation.errors import BadArgument
from ledger import EventLog, NewEvent
from ledger.errors import EventTooLarge, InvalidEvent
from ledger.events import RunAnnotated, build
from ledger.line.codec import MAX_LINE
from ledger.line.strict_json import parse_json
from projections import RunHistory

__all__ = ["annotate", "parse_value"]


def annotate(
    run_id: Annotated[
        str, typer.Argument(help="A run id, or as much of it as makes it the only one.")
    ],
    metadata: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE]...", help="Metadata to merge; values are JSON, else text."
        ),
    ] = None,
    *,
    note: Annotated[str | None, typer.Option(help="A remark.")] = None,
    actor: ActorOption = None,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add metadata or a note to a run: a new fact, which changes no other."""
    pairs = parse_pairs("KEY=VALUE", metadata or [])
    if not pairs and not (note or "").strip():
        raise BadArgument("KEY=VALUE", "give metadata, a --note, or both")
    values = {key: parse_value(text) for key, text in pairs.items()}
    path = folder_of(folder)
    with RunHistory(path) as history:
        found = find_run(history, run_id).run_id
    said = build(RunAnnotated, metadata=values, note=note, actor=actor_of(actor))
    with EventLog.open(path, redact=redacted_keys()) as log:
        receipt = log.append(NewEvent(said, found))
    if as_json:
        write_json({"run_id": found, "position": receipt.position})
    else:
        line = f"{found} annotated at position {receipt.position}"
        write_data(f"{printable(line)}\n".encode())


def parse_value(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """Read a value as JSON that the log takes; what is none is the text itself."""
    try:
        return parse_json(text.encode(), limit=MAX_LINE)
    except (EventTooLarge, InvalidEvent, UnicodeEncodeError):
        return text
