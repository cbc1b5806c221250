"""Who does what a command appends: as given, else the user of the operating system."""

from __future__ import annotations

import getpass
import os
from typing import Annotated

import typer

__all__ = ["ActorOption", "actor_of"]

ActorOption = Annotated[str | None, typer.Option(help="Who does it; the user's name if not given.")]


def actor_of(option: str | None) -> str:
    """Give the actor that was named, else the user; one without a name is told by the number."""
    if option:
        return option
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
