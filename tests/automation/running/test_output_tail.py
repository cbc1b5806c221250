"""The tail of an output."""

from __future__ import annotations

import pytest

from automation.running.output_tail import TAIL_BYTES, OutputTail


def tail_of(*pieces: bytes) -> OutputTail:
    """Feed pieces to a new tail."""
    tail = OutputTail()
    for piece in pieces:
        tail.take(piece)
    return tail


def test_a_short_output_is_kept_whole() -> None:
    """What fits is all there, however it was cut into pieces."""
    assert tail_of(b"one\ntw", b"o\n").text() == "one\ntwo\n"
    assert tail_of().text() == ""


def test_of_a_long_output_the_end_is_kept() -> None:
    """The last 8 KiB are kept, fed at once or byte by byte."""
    data = bytes(33 + number % 90 for number in range(3 * TAIL_BYTES))
    expected = data[-TAIL_BYTES:].decode()

    assert tail_of(data).text() == expected
    assert tail_of(*(data[at : at + 1] for at in range(len(data)))).text() == expected


@pytest.mark.parametrize("character", ["ä", "€", "😀"])
@pytest.mark.parametrize("shift", range(4))
def test_a_cut_never_leaves_half_a_character(character: str, shift: int) -> None:
    """The cut falls between characters, wherever 8 KiB end."""
    data = (character * TAIL_BYTES).encode() + b"x" * shift

    text = tail_of(data).text()

    assert set(text) <= {character, "x"}
    assert len(text.encode()) > TAIL_BYTES - 4


def test_what_is_not_utf_8_is_replaced() -> None:
    """A command may print any bytes."""
    assert tail_of(b"a\xff\xfeb").text() == "a\ufffd\ufffdb"


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"", ""),
        (b"\n \n", ""),
        (b"one\n  two \r\n\n", "two"),
        (b"no newline", "no newline"),
        (b"x" * 900, "x" * 399 + "…"),
    ],
)
def test_the_last_line_says_something(data: bytes, line: str) -> None:
    """Blank lines are passed over, and a long line is shortened."""
    assert tail_of(data).last_line() == line
