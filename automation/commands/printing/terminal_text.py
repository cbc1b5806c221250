"""Make text from events safe to print: nothing in it moves the cursor, colours or reorders.

What a stage printed or an exception said is written by others. On a terminal, control characters
can hide or fake lines, and bidirectional controls can show text in another order than it has.
"""

from __future__ import annotations

import unicodedata

__all__ = ["printable", "printable_lines"]

_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Joiners belong to the spelling of some languages and of emoji, and move nothing.
_JOINERS = frozenset("\u200c\u200d")


def printable(text: str) -> str:
    r"""Write each control, bidirectional and line-breaking character as an escape: ``\x1b``."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(character) for character in text)


def printable_lines(text: str) -> str:
    """Do what ``printable`` does, but keep newlines and tabs: for tracebacks and output."""
    return "\n".join(
        "\t".join(printable(part) for part in line.split("\t")) for line in text.split("\n")
    )


def _escaped(character: str) -> str:
    if character in _JOINERS or unicodedata.category(character) not in _UNSAFE:
        return character
    return character.encode("unicode_escape").decode("ascii")
