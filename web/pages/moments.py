"""Moments as pages take them: as the API does, and as people and fields of a browser write them.

What is left out is filled in, and then it is read as any other: the zone is UTC, a day is its
beginning. Nothing is told from now, so that an address asks for the same whenever it is opened.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator

from web import parameters

__all__ = ["Moment", "Past"]

_SHORT = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)(:\d\d(?:\.\d+)?)?([Zz]|[+-]\d\d:\d\d)?)?", re.ASCII
)


def _filled_in(value: object) -> object:
    parts = _SHORT.fullmatch(value) if isinstance(value, str) else None
    if parts is None:
        return value
    day, minute, second, zone = parts.groups()
    return f"{day}T{minute or '00:00'}{second or ':00'}{zone or 'Z'}"


Moment = Annotated[parameters.Moment, BeforeValidator(_filled_in)]
Past = Annotated[parameters.Past, BeforeValidator(_filled_in)]
"""A position, or a moment."""
