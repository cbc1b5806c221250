"""Read TOML that a person wrote, and say where it is wrong: in which line and column."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import Any

__all__ = ["NotToml", "parse_toml"]

_AT_PLACE = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", re.DOTALL)
_OPEN_STRING = re.compile(
    r"""(Illegal|Found invalid) character '\\n'|Unterminated.*|Expected "'+\""""
)


@dataclass(eq=False)
class NotToml(ValueError):
    """A text is no TOML: mend it at this place; lines and columns count from 1."""

    line: int
    column: int
    reason: str

    @property
    def place(self) -> str:
        """The place in words."""
        return f"line {self.line}, column {self.column}"


def parse_toml(text: str) -> dict[str, Any]:
    """Read a whole file of TOML.

    Raises:
        NotToml: it is none; names the first place that is wrong.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _AT_PLACE.fullmatch(str(error))
        reason = place[1] if place else str(error)
        is_open = _ends_in_string(error)
        if place and place[2]:
            line, column = int(place[2]), int(place[3])
        else:
            line, column = _last_place(text, is_open=is_open)
        raise NotToml(line, column, "a string is not closed" if is_open else reason) from None


def _last_place(text: str, *, is_open: bool) -> tuple[int, int]:
    """Give the end of the text; of a string that goes on to there, the end of its first line."""
    lines = text.rstrip("\n").split("\n")
    while is_open and len(lines) > 1 and _is_open(lines[:-1]):
        lines.pop()
    return len(lines), len(lines[-1]) + 1


def _is_open(lines: list[str]) -> bool:
    try:
        tomllib.loads("\n".join(lines))
    except tomllib.TOMLDecodeError as error:
        return _ends_in_string(error)
    return False


def _ends_in_string(error: tomllib.TOMLDecodeError) -> bool:
    return _OPEN_STRING.match(str(error)) is not None
