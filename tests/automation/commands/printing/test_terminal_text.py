"""Text from events on a terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.commands.printing.terminal_text import printable, printable_lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("größe € 😀", "größe € 😀"),
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("a\rb\nc\td\x00\x7f", r"a\rb\nc\td\x00\x7f"),
        ("\x9b31m", r"\x9b31m"),
        ("abc\u202edef\u2066x\u2069", r"abc\u202edef\u2066x\u2069"),
        ("\u200e\u200f\u061c\ufeff", r"\u200e\u200f\u061c\ufeff"),
        ("a\u2028b\u2029", r"a\u2028b\u2029"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
        ("👩\u200d💻 \u0645\u06cc\u200c\u062e", "👩\u200d💻 \u0645\u06cc\u200c\u062e"),
    ],
)
def test_what_moves_or_reorders_becomes_visible(text: str, shown: str) -> None:
    """Control, bidirectional and line-breaking characters are escaped, and nothing else is."""
    assert printable(text) == shown


@given(st.text())
def test_nothing_unsafe_is_left(text: str) -> None:
    """Whatever goes in, no character that acts on a terminal comes out."""
    unsafe = {"Cc", "Cs", "Zl", "Zp"}

    assert not {unicodedata.category(character) for character in printable(text)} & unsafe
    assert not set(printable_lines(text)) & set("\x1b\r\u202e\u2028\x85")


@given(st.text())
def test_lines_stay_lines(text: str) -> None:
    """Of many lines, newlines and tabs are kept, and each part is made printable."""
    parts = printable_lines(text).split("\n")

    assert parts == [
        "\t".join(printable(part) for part in line.split("\t")) for line in text.split("\n")
    ]
