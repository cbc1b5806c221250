"""The options that several commands share, and how their text is read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from automation.commands.options.moments import PAST
from automation.errors import BadArgument
from ledger.disk.folder import DEFAULT_FOLDER
from ledger.errors import InvalidEvent
from ledger.identifiers import NAME_RULE, RUN_ID

if TYPE_CHECKING:
    from automation.settings import Settings

__all__ = [
    "FolderOption",
    "JsonOption",
    "PastOption",
    "check_run_id",
    "folder_of",
    "parse_pairs",
    "redacted_keys",
]

FolderOption = Annotated[
    Path | None,
    typer.Option(
        "--dir",
        envvar="RUNFOLD_DIR",
        show_default=str(DEFAULT_FOLDER),
        help="The folder that holds the log.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]

PastOption = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        metavar=PAST,
        help="As it was at this position, or then: a day, a time with its zone, or so long ago.",
    ),
]


def folder_of(option: Path | None, settings: Settings | None = None) -> Path:
    """Give the folder that was asked for, absolute, so that whatever names it says where it is.

    Where none was, it is the one that is set, else the default.

    Args:
        option: what the option says.
        settings: where the caller has read them already.

    Raises:
        SettingsInvalid: the settings cannot be read.
    """
    if option is None:
        # Its import takes a while, which is spared where the folder is named.
        from automation.settings import read_settings  # noqa: PLC0415

        option = (settings or read_settings()).ledger.dir
    return (option or DEFAULT_FOLDER).absolute()


def redacted_keys() -> Sequence[str]:
    """Give the keys whose text is not recorded either, by the settings of this place.

    Raises:
        SettingsInvalid: the settings cannot be read.
    """
    from automation.settings import read_settings  # noqa: PLC0415 - as above

    return read_settings().redact.keys


def check_run_id(run_id: str) -> str:
    """Give the run id, or the beginning of one, if it can be one.

    Raises:
        InvalidEvent: it cannot.
    """
    if not RUN_ID.fullmatch(run_id):
        raise InvalidEvent("run id", f"{run_id!r} is not one: {NAME_RULE}")
    return run_id


def parse_pairs(option: str, pairs: Sequence[str]) -> dict[str, str]:
    """Read ``name=value`` arguments; the value may hold further ``=``.

    Raises:
        BadArgument: one has no ``=`` or no name, or a name comes twice.
    """
    parsed: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise BadArgument(option, f"{pair!r} is not name=value")
        if name in parsed:
            raise BadArgument(option, f"{name} is given twice")
        parsed[name] = value
    return parsed
