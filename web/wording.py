"""How values read on a page: durations, times, and text from anywhere made harmless to look at."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime

__all__ = [
    "ago_text",
    "duration_text",
    "number_text",
    "percent_text",
    "readable",
    "readable_lines",
    "size_text",
    "span_text",
    "trend_text",
    "utc_minute",
    "utc_short",
]

_TEN, _MINUTE, _HUNDRED, _THOUSAND, _MILLION = 10, 60, 100, 1_000, 1_000_000
_MANIFOLD = 2
_STEADY = 10
_SIZES = ("kB", "MB", "GB", "TB")
_SPANS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
_AGO = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
# What a program sends a terminal to colour its output, and other commands of that kind.
_TERMINAL_COMMAND = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)")
_ELLIPSIS = "…"
_CONTROL_PICTURES = 0x2400
_DELETE = 0x7F


def duration_text(seconds: float) -> str:
    """Write a duration in the units that matter, like ``52 ms``, ``1.24 s``, ``3 m 05 s``."""
    if round(seconds, 3) < 1:
        return f"{round(seconds * 1000)} ms"
    if round(seconds, 2) < _TEN:
        return f"{seconds:.2f} s"
    if round(seconds, 1) < _MINUTE:
        return f"{seconds:.1f} s"
    minutes, second = divmod(round(seconds), _MINUTE)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days} d {hour} h"
    if hours:
        return f"{hours} h {minute:02} m"
    return f"{minutes} m {second:02} s"


def ago_text(moment: datetime, now: datetime) -> str:
    """Say how long ago a moment was, in its largest unit, like ``3 h ago``."""
    seconds = (now - moment).total_seconds()
    past = abs(seconds)
    for unit, length in _AGO:
        if past >= length:
            amount = f"{int(past // length)} {unit}"
            return f"{amount} ago" if seconds > 0 else f"in {amount}"
    return "just now"


def number_text(number: float) -> str:
    """Write a number with its thousands apart, like ``12,345`` and ``0.25``."""
    if isinstance(number, int):
        return f"{number:,}"
    return f"{number:,.6g}" if abs(number) < _MILLION else f"{number:,.0f}"


def percent_text(share: float) -> str:
    """Write a share in percent, so that only all is ``100%``, and only none is ``0%``."""
    text = f"{100 * share:.0f}%"
    if text == "100%" and share < 1:
        return ">99%"
    return "<1%" if text == "0%" and share > 0 else text


def trend_text(times: float) -> str:
    """Say how a duration moves that is so many times the one before; little is ``steady``."""
    if times >= _MANIFOLD:
        return f"{times:.2g} times as long" if times < _HUNDRED else f"{times:,.0f} times as long"
    percent = round(100 * (times - 1))
    if abs(percent) < _STEADY:
        return "steady"
    return f"{percent}% longer" if percent > 0 else f"{-percent}% shorter"


def size_text(size: int) -> str:
    """Write a number of bytes in the unit that suits it, like ``812 bytes`` and ``1.2 MB``."""
    if size < _THOUSAND:
        return "1 byte" if size == 1 else f"{size} bytes"
    amount = float(size)
    for unit in _SIZES:
        amount /= _THOUSAND
        if round(amount, 1) < _THOUSAND:
            return f"{amount:.1f} {unit}"
    return f"{amount:,.1f} {_SIZES[-1]}"


def utc_minute(moment: datetime) -> str:
    """Write a time as a list shows it; the column says that it is UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def utc_short(moment: datetime) -> str:
    """Write a time below a chart, to the minute."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"


def span_text(seconds: float) -> str:
    """Name a span of whole units, like ``hour`` and ``5 minutes``."""
    name, length = next(one for one in _SPANS if seconds % one[1] == 0)
    number = round(seconds / length)
    return name if number == 1 else f"{number} {name}s"


def readable(text: str, limit: int) -> str:
    """Put a text on one line of at most ``limit`` characters, in which nothing is invisible.

    White space of any kind becomes a space, other controls their pictures, and what would turn the
    direction of the text around it is left out.
    """
    shown = text[: 2 * limit]
    if not (shown.isascii() and shown.isprintable()):
        shown = "".join([_visible(character) for character in shown])
    line = " ".join(shown.split())
    if len(line) > limit or len(text) > 2 * limit:
        return line[: limit - 1].rstrip() + _ELLIPSIS
    return line


def readable_lines(text: str) -> str:
    """Keep the lines of a text, and make what is in them harmless to look at, as ``readable`` does.

    The commands to a terminal that colour a program's output are left out.
    """
    plain = _TERMINAL_COMMAND.sub("", text).replace("\r\n", "\n").expandtabs(4)
    if plain.isascii() and plain.replace("\n", "").isprintable():
        return plain
    return "".join(character if character in "\n " else _visible(character) for character in plain)


def _visible(character: str) -> str:
    if character.isspace():
        return " "
    code = ord(character)
    if code < ord(" "):
        return chr(_CONTROL_PICTURES + code)
    if code == _DELETE:
        return "\u2421"
    kind = unicodedata.category(character)
    return "\N{REPLACEMENT CHARACTER}" if kind == "Cc" else "" if kind == "Cf" else character
