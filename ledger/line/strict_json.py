"""Strict JSON at the boundary: bytes from outside become a value, or an error that names the place.

What JSON readers disagree on is refused here, so that nothing enters the log that the next reader
sees otherwise: another encoding than UTF-8, a byte order mark, NaN and infinities, a key twice in
one object, integers beyond 64 bits, floats too large for a double, lone surrogates, and nesting
deeper than 64 levels. RFC 8259 leaves all of these open; I-JSON (RFC 7493) closes most of them.

Plan. The size is looked at first, the depth before anything is parsed, so time and memory are
bounded by the caller's limit, and a hostile text reaches no recursion. Then the parser of the
standard library runs, and its hooks leave a mark in the place of each value that is refused: a hook
does not know where in the text it is, but the walk over the result, which comes last, does. A text
that is the same when it is written again needs none of this.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from ledger.errors import EventTooLarge, InvalidEvent
from ledger.plain_values import MAX_DEPTH, clean_text

__all__ = ["parse_json"]

_INT_MIN, _INT_MAX = -(2**63), 2**63 - 1
_MOST_DIGITS = len(str(_INT_MIN))
_BOM = b"\xef\xbb\xbf"
_SURROGATE = re.compile("[\ud800-\udfff]")
# A string is matched whole, one without its end too: so no byte is looked at twice.
_STRING = r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)'
_NO_BRACKETS = re.compile(rf"{_STRING}|[^\"\[\]{{}}]+", re.DOTALL)
_STRING_OR_OPENING = re.compile(rf"{_STRING}|[\[{{]", re.DOTALL)
_LONGEST_KEY = 64
_LONG_NUMBER = re.compile(rb"\d{19}")
_NOT_PLAIN = object()


@dataclass(frozen=True, slots=True)
class _Refused:
    """Stands in the place of a value that is refused; ``key`` is the one at fault in an object."""

    reason: str
    key: str | None = None


def parse_json(data: bytes, *, limit: int, max_depth: int = MAX_DEPTH) -> Any:  # noqa: ANN401 - any JSON value
    """Read one JSON text.

    Args:
        data: the bytes, as they came from outside.
        limit: how many there may be.
        max_depth: how many arrays and objects may lie in one another.

    Raises:
        EventTooLarge: there are more bytes than ``limit``.
        InvalidEvent: the text is not strict JSON. Its field is the place inside the value, like
            ``metadata.day[2]``, or where the text itself is wrong, the line and column.
    """
    if len(data) > limit:
        size = len(data)
        raise EventTooLarge("JSON", f"{size} bytes; the limit is {limit}", size=size, limit=limit)
    if (plain := _plain(data, max_depth)) is not _NOT_PLAIN:
        return plain
    text = _decode(data)
    _check_depth(text, max_depth)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise InvalidEvent(_place(text, error.pos), _reason(error.msg)) from None
    if refused := _first_refusal(value):
        raise InvalidEvent(refused[0].removeprefix(".") or "value", refused[1])
    return value


def _plain(data: bytes, max_depth: int) -> Any:  # noqa: ANN401 - any JSON value
    """Read a text the short way where nothing in it can be refused, as in most that programs send.

    Written again it must be the same bytes: then no key stands twice in it, nothing was rounded,
    and it is UTF-8 without a mark or an escape that hides a surrogate.
    """
    if data.count(b"{") + data.count(b"[") > max_depth or _LONG_NUMBER.search(data):
        return _NOT_PLAIN
    try:
        value = msgspec.json.decode(data)
        return value if msgspec.json.encode(value) == data else _NOT_PLAIN
    except (msgspec.MsgspecError, UnicodeError, OverflowError, RecursionError):
        return _NOT_PLAIN


def _decode(data: bytes) -> str:
    if data.startswith(_BOM):
        raise InvalidEvent("byte 1", "a byte order mark: JSON begins without one")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidEvent(f"byte {error.start + 1}", f"not UTF-8: {error.reason}") from None


def _reason(words: str) -> str:
    """Say what the parser says; the place, which its words lead up to, is said elsewhere."""
    said = words.removesuffix(" at").removesuffix(" starting")
    return f"not JSON: {said[:1].lower()}{said[1:]}"


def _check_depth(text: str, max_depth: int) -> None:
    depth = openings = 0
    for bracket in _NO_BRACKETS.sub("", text):
        if bracket in "[{":
            openings += 1
            depth += 1
            if depth > max_depth:
                place = _place(text, _start_of_opening(text, openings))
                raise InvalidEvent(place, f"nested deeper than {max_depth} levels")
        else:
            depth -= 1


def _start_of_opening(text: str, number: int) -> int:
    """Find where in the text the opening bracket of this 1-based number is."""
    found = (match for match in _STRING_OR_OPENING.finditer(text) if match[0] in "[{")
    return next(itertools.islice(found, number - 1, None)).start()


def _place(text: str, position: int) -> str:
    """Say where in the text a character is; the line only where there are several."""
    body = text.rstrip("\r\n")
    position = min(position, len(body))
    column = position - body.rfind("\n", 0, position)
    if "\n" not in body:
        return f"column {column}"
    return f"line {body.count(chr(10), 0, position) + 1}, column {column}"


def _integer(digits: str) -> int | _Refused:
    # Looked at before it is converted: Python takes quadratic time for that.
    if len(digits) <= _MOST_DIGITS and _INT_MIN <= int(digits) <= _INT_MAX:
        return int(digits)
    return _Refused("integer beyond 64 bits")


def _float(digits: str) -> float | _Refused:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        return _Refused("a number too large for a float of 64 bits")
    return number


def _constant(name: str) -> _Refused:
    return _Refused(f'{name} is not JSON; write it as a string like "NaN"')


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any] | _Refused:
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            return _Refused("the key stands twice in its object", key)
        seen.add(key)
    return made


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant
)


def _first_refusal(value: object) -> tuple[str, str] | None:
    """Find the first value that is refused: its place below this one, and the reason."""
    if isinstance(value, str):
        return _lone_surrogate(value)
    if isinstance(value, list):
        for index, item in enumerate(value):
            if found := _first_refusal(item):
                return f"[{index}]{found[0]}", found[1]
    elif isinstance(value, dict):
        for key, item in value.items():
            if found := _lone_surrogate(key) or _first_refusal(item):
                return f"{_below(key)}{found[0]}", found[1]
    elif isinstance(value, _Refused):
        return "" if value.key is None else _below(value.key), value.reason
    return None


def _lone_surrogate(text: str) -> tuple[str, str] | None:
    found = None if text.isascii() else _SURROGATE.search(text)
    return found and ("", f"a lone surrogate at character {found.start() + 1}")


def _below(key: str) -> str:
    """Name a place in an object, whatever its key is."""
    return "." + clean_text(key if len(key) <= _LONGEST_KEY else f"{key[:_LONGEST_KEY]}…")
