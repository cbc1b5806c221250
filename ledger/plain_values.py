"""What a payload may hold, and how an object of a program becomes that.

``check_json`` is the boundary: it refuses what JSON readers disagree on (NaN, infinities, lone
surrogates, integers beyond 64 bits, more than 64 levels), naming the place. ``to_plain`` is the
kindness of the SDK: it turns what pipelines really hold (a NaN loss, a path, a numpy scalar) into
plain values, because a ten-hour stage must not fail for a NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import PurePath
from typing import Any

import msgspec

__all__ = ["MAX_DEPTH", "check_json", "check_text", "clean_text", "to_plain", "utc_text"]

MAX_DEPTH = 64
_TEXT = frozenset({str})
_INT_MIN, _INT_MAX = -(2**63), 2**63 - 1
_TIME_WIDTH = len("2026-01-15T10:00:00.123456")
_QUOTED_WIDTH = len('"2026-01-15T10:00:00.123456Z"')
_quoted_time = msgspec.json.Encoder().encode


def check_text(text: str, place: str) -> None:
    """Refuse a lone surrogate, which UTF-8 cannot carry.

    Raises:
        ValueError: names the place.
    """
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            message = f"{place}: lone surrogate at character {error.start}"
            raise ValueError(message) from None


def check_json(value: Any, place: str = "value", depth: int = 0) -> None:  # noqa: ANN401 - any JSON
    """Refuse every value that JSON readers disagree on.

    Raises:
        ValueError: names the place inside the value, like ``metadata.day[2]``.
    """
    # To put the places into words takes several times as long as to see that nothing is wrong.
    if not _is_plain(value, depth):
        _look_closely(value, place, depth)


def _is_plain(value: Any, depth: int) -> bool:  # noqa: ANN401 - any JSON
    """Tell whether a value may be held; False where that takes a closer look."""
    kind = type(value)
    if kind is str:
        return value.isascii() or _is_unicode(value)
    if kind is int:
        fits: bool = _INT_MIN <= value <= _INT_MAX
        return fits
    if kind is float:
        return math.isfinite(value)
    if kind is dict:
        has_names = {*map(type, value)} <= _TEXT
        return has_names and _are_plain(value, depth) and _are_plain(value.values(), depth)
    if kind is list or kind is tuple:
        return _are_plain(value, depth)
    return value is None or kind is bool


def _are_plain(items: Iterable[Any], depth: int) -> bool:
    if depth >= MAX_DEPTH:
        return False
    for item in items:  # noqa: SIM110 - all() takes half as long again
        if not _is_plain(item, depth + 1):
            return False
    return True


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _look_closely(value: Any, place: str, depth: int) -> None:  # noqa: ANN401 - any JSON
    if isinstance(value, dict | list | tuple):
        if depth >= MAX_DEPTH:
            message = f"{place}: nested deeper than {MAX_DEPTH} levels"
            raise ValueError(message)
        _check_items(value, place, depth + 1)
    elif isinstance(value, str):
        check_text(value, place)
    elif isinstance(value, int | float):
        _check_number(value, place)
    elif value is not None:
        message = f"{place}: {type(value).__name__} is not a JSON value"
        raise ValueError(message)


def _check_number(value: float, place: str) -> None:
    if isinstance(value, int):
        if not _INT_MIN <= value <= _INT_MAX:
            message = f"{place}: integer beyond 64 bits"
            raise ValueError(message)
    elif not math.isfinite(value):
        message = f'{place}: {value} is not JSON; store it as a string like "NaN"'
        raise ValueError(message)


def _check_items(
    value: dict[Any, Any] | list[Any] | tuple[Any, ...], place: str, depth: int
) -> None:
    if not isinstance(value, dict):
        for index, item in enumerate(value):
            _look_closely(item, f"{place}[{index}]", depth)
        return
    for key, item in value.items():
        if not isinstance(key, str):
            message = f"{place}: key {key!r} is not a string"
            raise ValueError(message)  # noqa: TRY004 - pydantic takes a ValueError for its own
        check_text(key, f"{place} key")
        _look_closely(item, f"{place}.{key}", depth)


def clean_text(text: str) -> str:
    """Make any Python string storable: lone surrogates become visible escapes."""
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


def utc_text(moment: datetime) -> str:
    """Write an aware time as UTC with microseconds, 27 characters, ending in ``Z``."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    # Four times as fast as isoformat, but it leaves out microseconds that are 0.
    quoted = _quoted_time(moment)
    if len(quoted) == _QUOTED_WIDTH:
        return quoted[1:-1].decode()
    return moment.isoformat(timespec="microseconds")[:_TIME_WIDTH] + "Z"


def to_plain(value: Any, depth: int = 0, within: tuple[object, ...] = ()) -> Any:  # noqa: ANN401 - the point is to take anything
    """Turn an object of a program into a JSON value, losing as little as possible.

    Non-finite floats become ``"NaN"``, ``"Infinity"``, ``"-Infinity"``; larger integers, paths,
    times and unknown objects become text; numpy scalars and arrays become numbers and lists. What
    holds itself becomes text where it does. ``within`` is what the value lies in.
    """
    for kind, convert in _SCALARS:
        if isinstance(value, kind):
            return convert(value)
    if depth >= MAX_DEPTH or any(outer is value for outer in within):
        return clean_text(str(value))
    inner = (*within, value)
    if isinstance(value, Mapping):
        return {
            clean_text(str(key)): to_plain(item, depth + 1, inner) for key, item in value.items()
        }
    if isinstance(value, Sequence | AbstractSet) and not isinstance(value, bytes | bytearray):
        return [to_plain(item, depth + 1, inner) for item in value]
    return _plain_object(value, depth)


def _plain_float(value: float) -> float | str:
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _plain_object(value: object, depth: int) -> Any:  # noqa: ANN401 - any JSON value
    """Unwrap a numpy scalar or array by its ``tolist``; everything else becomes its text."""
    unwrap = getattr(value, "tolist", None)
    if callable(unwrap) and not isinstance(value, type):
        plain = unwrap()
        if plain is not value:
            return to_plain(plain, depth)
    return clean_text(str(value))


def _same(value: object) -> object:
    return value


def _plain_int(value: int) -> int | str:
    if _INT_MIN <= value <= _INT_MAX:
        return int(value)
    try:
        return str(value)
    except ValueError:  # Python prints no decimal number of more than 4300 digits
        return hex(value)


def _plain_time(value: datetime) -> str:
    try:
        return utc_text(value) if value.tzinfo else value.isoformat()
    except OverflowError:  # beyond the calendar of UTC
        return value.isoformat()


def _plain_text(value: object) -> str:
    return clean_text(str(value))


# The order matters: a bool is an int, and a datetime is a date.
_SCALARS: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (type(None), _same),
    (bool, _same),
    (Enum, lambda value: to_plain(value.value)),
    (str, _plain_text),
    (int, _plain_int),
    (float, lambda value: _plain_float(float(value))),
    (datetime, _plain_time),
    (date, _plain_text),
    (PurePath, _plain_text),
)
