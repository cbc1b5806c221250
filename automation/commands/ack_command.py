"""``runfold ack``: say in the log that somebody has looked at a kind of failure."""

from __future__ import annotations

from typing import Annotated

import typer

from automation.commands.failure_choice import find_fingerprint
from automation.commands.options.actor import ActorOption, actor_of
from automation.commands.options.options import FolderOption, JsonOption, folder_of, redacted_keys
from automation.commands.printing.lacks import warn_of_damage
from automation.commands.printing.output import write_data, write_json
from automation.commands.printing.terminal_text import printable
from automation.errors import BadArgument
from ledger import EventLog, NewEvent
from ledger.events import FailureAcknowledged, build
from projections import RunHistory

__all__ = ["ack"]


def ack(
    fingerprint: Annotated[
        str, typer.Argument(help="A fingerprint, or as much of it as makes it the only one.")
    ],
    *,
    note: Annotated[str, typer.Option(help="What is known of it, or done about it.")],
    actor: ActorOption = None,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Acknowledge a failure; it is listed again when it comes back after a success."""
    if not note.strip():
        raise BadArgument("--note", "says nothing")
    path = folder_of(folder)
    with RunHistory(path) as history:
        found = find_fingerprint(history, fingerprint)
        said = build(FailureAcknowledged, fingerprint=found, note=note, actor=actor_of(actor))
        with EventLog.open(path, redact=redacted_keys()) as log:
            receipt = log.append(NewEvent(said))
        if as_json:
            write_json({"fingerprint": found, "position": receipt.position})
        else:
            line = f"{found} acknowledged at position {receipt.position}"
            write_data(f"{printable(line)}\n".encode())
        warn_of_damage(history)
