"""Read the traceback that Python prints: which errors led to each other, and where each was raised.

The text is what there is: the log keeps no frames. It is alike from Python 3.11 on, but for the
lines of source and carets, which are passed over here, and for comprehensions, which have frames
of their own up to 3.11 only, and are passed over, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

__all__ = ["Frame", "Raised", "read_traceback"]

_HEADER = "Traceback (most recent call last):"
_GROUP_HEADER = "Exception Group " + _HEADER
_LINKS = re.compile(
    r"\n\n(?:The above exception was the direct cause of the following exception"
    r"|During handling of the above exception, another exception occurred):\n\n"
)
_FRAME = re.compile(r'  File "(.+)", line \d+, in (.+)')
_GROUP_MARGIN = re.compile(r"^(?: {2})+[|+] ?", re.MULTILINE)
_MEMBER = re.compile(r"^-?\+?-+ \d+ -+$|^-+$", re.MULTILINE)
_COMPREHENSIONS = frozenset({"<listcomp>", "<dictcomp>", "<setcomp>"})

_PACKAGES = re.compile(r"^.*/(?:site|dist)-packages/")
_STANDARD = re.compile(r"^.*/(?:lib|lib64|Lib)/python3?\.?\d*(?:\.\d+)?t?/|^.*/python3\d+\.zip/")
_NUMBER = re.compile(r"\d+")


class Frame(msgspec.Struct, frozen=True):
    """Where in the code: the file, the function, and whether that is in no installed package."""

    file: str
    function: str
    is_own: bool


class Raised(msgspec.Struct, frozen=True):
    """An error in a traceback.

    Attributes:
        line: its class and message as they are printed, the first line; empty if there is none.
        frames: from the innermost outwards; equal ones that follow each other are one.
        is_member: whether it is part of an exception group, or the group.
    """

    line: str
    frames: Sequence[Frame]
    is_member: bool = False


def read_traceback(text: str) -> Sequence[Raised]:
    """Give the errors of a traceback in the order they are printed: the first cause first."""
    if _GROUP_HEADER in text:
        plain = _GROUP_MARGIN.sub("", text)
        parts = [part for chain in _LINKS.split(plain) for part in _MEMBER.split(chain)]
        return [_raised(part, is_member=True) for part in parts if part.strip()]
    return [_raised(part, is_member=False) for part in _LINKS.split(text) if part.strip()]


def _raised(part: str, *, is_member: bool) -> Raised:
    # What another process raised is quoted before it is raised here: the last header counts.
    told = part[max(part.rfind(_HEADER), 0) :].removeprefix(_HEADER)
    lines = told.splitlines()
    frames = [
        _frame(found[1], found[2]) for found in map(_FRAME.fullmatch, lines) if found is not None
    ]
    line = next((line for line in lines if line.strip() and not line.startswith(" ")), "")
    return Raised(line, tuple(_distinct(reversed(frames))), is_member)


def _frame(path: str, function: str) -> Frame:
    file = path.replace("\\", "/")
    for place in (_PACKAGES, _STANDARD):
        inside = place.sub("", file)
        if inside != file:
            return Frame(inside, function, is_own=False)
    if file.startswith("<"):
        return Frame(_NUMBER.sub("#", file), function, is_own=not file.startswith("<frozen "))
    return Frame(file.rpartition("/")[2], function, is_own=True)


def _distinct(frames: Iterable[Frame]) -> Iterator[Frame]:
    """Pass over comprehensions, and over what a recursion repeats."""
    last = None
    for frame in frames:
        if frame.function not in _COMPREHENSIONS and frame != last:
            yield frame
            last = frame
