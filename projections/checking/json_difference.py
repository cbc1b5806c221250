"""Where two values differ: in the column itself, or within the JSON that it holds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import msgspec

__all__ = ["Mismatch", "mismatches", "shown"]

_WIDTH = 80
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")
_NOT_THERE = msgspec.UNSET

Mismatch = tuple[str, str, str | None, str | None]
"""Where it is, the same without what tells elements of a list apart, and both values, shortened;
None where it is on one side only."""


def mismatches(old: object, new: object) -> Iterator[Mismatch]:
    """Yield each place in which two values of a column differ, if they do.

    Where both are JSON objects or arrays, the paths in them; ``""`` is the column itself.
    """
    if _same(old, new):
        return
    found = False
    if isinstance(old, str) and isinstance(new, str):
        for mismatch in _within(_parsed(old), _parsed(new), "", ""):
            found = True
            yield mismatch
    if not found:
        # Also where the JSON says the same and is written in another way.
        yield "", "", shown(old), shown(new)


def _parsed(text: str) -> object:
    if text[:1] not in ("{", "["):
        return _NOT_THERE
    try:
        parsed: object = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return _NOT_THERE
    return parsed


def _within(old: object, new: object, place: str, field: str) -> Iterator[Mismatch]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old | new:
            name = f".{key}" if _PLAIN_KEY.fullmatch(key) else f"[{shown(key)}]"
            here, there = old.get(key, _NOT_THERE), new.get(key, _NOT_THERE)
            yield from _within(here, there, place + name, field + name)
    elif isinstance(old, list) and isinstance(new, list):
        for at in range(max(len(old), len(new))):
            here = old[at] if at < len(old) else _NOT_THERE
            there = new[at] if at < len(new) else _NOT_THERE
            yield from _within(here, there, f"{place}[{at}]", f"{field}[]")
    elif not _same(old, new) and place:
        yield place, field, _shown_or_none(old), _shown_or_none(new)


def _same(old: object, new: object) -> bool:
    """Compare as the digest does: 1 and 1.0 are not the same, nor 0.0 and -0.0."""
    return type(old) is type(new) and old == new and repr(old) == repr(new)


def _shown_or_none(value: object) -> str | None:
    return None if value is _NOT_THERE else shown(value)


def shown(value: object) -> str:
    """Write a value as JSON, shortened; bytes as hexadecimal digits."""
    if isinstance(value, bytes):
        text = f"x'{value[:_WIDTH].hex()}'"
    else:
        text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"
