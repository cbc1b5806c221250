"""A text file is read strictly as UTF-8 and published whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from automation.pipelines.market_data.errors import MarketDataError
from automation.pipelines.market_data.text_file import publish, read_text


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    """A mark at the start is no part of the text, and line endings stay as they are."""
    path = tmp_path / "marked.csv"
    path.write_bytes(b"\xef\xbb\xbfa\r\nb\n")

    assert read_text(path) == "a\r\nb\n"


def test_a_byte_that_is_not_utf8_is_found(tmp_path: Path) -> None:
    """The error names the line and the byte, here Latin-1 for an accented letter."""
    path = tmp_path / "latin.csv"
    path.write_bytes(b"symbol,date,price\nA,2000-01-01,1\nCaf\xe9,2000-01-01,1\n")

    with pytest.raises(MarketDataError) as caught:
        read_text(path)

    assert str(caught.value) == "latin.csv, line 3: not UTF-8: byte 0xe9"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The error for a file that is not there has its whole path and no line."""
    with pytest.raises(MarketDataError) as caught:
        read_text(tmp_path / "gone.csv")

    assert str(caught.value) == f"{tmp_path / 'gone.csv'}: no such file"


def test_publishing_makes_the_folder_and_replaces_the_file(tmp_path: Path) -> None:
    """The folder comes with its first file, and the second content takes the place of the first."""
    path = tmp_path / "new" / "deep" / "report.md"

    publish(path, "first\n")
    publish(path, "second\n")

    assert path.read_bytes() == b"second\n"
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_publication_changes_nothing(tmp_path: Path) -> None:
    """Text that cannot be written leaves the old file as it was, and no part of a new one."""
    path = tmp_path / "report.md"
    publish(path, "old\n")

    with pytest.raises(UnicodeEncodeError):
        publish(path, "x" * 100_000 + "\ud800")

    assert path.read_text(encoding="utf-8") == "old\n"
    assert list(tmp_path.iterdir()) == [path]
