"""TOML that a person wrote, and where it is wrong."""

from __future__ import annotations

import pytest

from automation.toml_text import NotToml, parse_toml


def test_what_is_right_is_read() -> None:
    """As Python itself reads it."""
    assert parse_toml("a = [1, {b = 'x'}]") == {"a": [1, {"b": "x"}]}


@pytest.mark.parametrize("tail", ["", "\n", "\nb = 1\n"])
@pytest.mark.parametrize("quote", ['"', "'"])
def test_a_string_that_is_not_closed_is_told_as_that(quote: str, tail: str) -> None:
    """At the end of its line, wherever the file ends."""
    with pytest.raises(NotToml) as caught:
        parse_toml(f"# fine\na = {quote}xy{tail}")

    assert (caught.value.line, caught.value.column) == (2, 8)
    assert caught.value.reason == "a string is not closed"


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ('a = """x\ny', "line 1, column 9", "a string is not closed"),
        ("a = '''x\n", "line 1, column 9", "a string is not closed"),
        ("a = [1\n\n", "line 1, column 7", "Unclosed array"),
        ("a = 1\na = 2", "line 2, column 6", "Cannot overwrite a value"),
    ],
)
def test_all_else_is_told_with_its_place(text: str, place: str, reason: str) -> None:
    """Where the parser says that it is at the end, it is the end of the last line with text."""
    with pytest.raises(NotToml) as caught:
        parse_toml(text)

    assert (caught.value.place, caught.value.reason) == (place, reason)
