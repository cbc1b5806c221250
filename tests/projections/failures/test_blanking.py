"""What differs from one time to the next is made blank, and nothing else."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.line.shortening import shorten_text
from projections.failures.blanking import BLANK, LONGEST, blanked

CASES = {
    "quotes": (r"no 'a \'b\' c', b'\x00' or " + '"d"', "no # or #"),
    "typographic quotes": ("no “a b”, \u2018c\u2019 or «d»", "no # or #"),
    "apostrophes": ("can't read the users' list", "can't read the users' list"),
    "names of code": ("Expected `int`, got `str`", "Expected `int`, got `str`"),
    "numbers": ("got -3, 1,000 of 2.5e-07", "got # of #"),
    "numbers in words": ("worker3 of node-17", "worker# of node-#"),
    "plural": ("waited 1 second for 2 rows", "waited # second for # row"),
    "uuid": ("no job 01890a5d-ac96-774b-bcce-b302099a8057", "no job #"),
    "hex": ("commit 4af71ed, crc DEADBEEF01", "commit #, crc #"),
    "words of hex letters": ("decade, facade, add", "decade, facade, add"),
    "ids": ("no pod web-7d9f8b6c5-x2x4z", "no pod web-#"),
    "run id": ("run 20260115T100000Z-a1b2c3d4e5f6 is gone", "run # is gone"),
    "memory": ("<Order object at 0x7f3a5c0d2e10>", "<Order object at #>"),
    "times": ("late: 2026-01-15 10:00:00,123 and 2026-01-15T10:00:00.5+01:00", "late: # and #"),
    "times in words": ("since Thu, 15 Jan 2026 10:00:00 GMT", "since #"),
    "addresses": ("10.0.0.1:8080, [::1]:80 and ops@example.com refused", "# and # refused"),
    "url": ("GET https://example.com/a?b=c#d failed", "GET # failed"),
    "paths": ("/srv/a.csv, ~/b, ./c, ../d/e, data/f.csv and a/b/c", "# and #"),
    "paths of Windows": (r"C:\data\a.csv and \\host\share\b", "# and #"),
    "files": ("orders-2026.csv has no column", "# has no column"),
    "what is no path": (
        "I/O error: load/orders and json.load",
        "I/O error: load/orders and json.load",
    ),
    "markup": ("mismatched tag: </order>", "mismatched tag: </order>"),
    "containers": ("got {'a': [1, 'b', (2,)]}, not []", "got #, not []"),
    "place in a document": ("at `$.rows[17].id`", "at `$.rows#.id`"),
    "lines": ("a\n  b\t1\n", "a b #"),
    "nothing": ("", ""),
}


@pytest.mark.parametrize(("text", "blank"), CASES.values(), ids=CASES)
def test_values_are_made_blank(text: str, blank: str) -> None:
    """Each kind of value is one blank; names and words stay."""
    assert blanked(text) == blank


words = st.text(string.ascii_lowercase.replace("s", ""), min_size=2, max_size=8)
values = st.one_of(
    st.integers().map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.uuids().map(str),
    st.datetimes().map(lambda moment: f"{moment:%Y-%m-%d %H:%M:%S}"),
    st.text(string.printable.replace("\n", "").replace("\r", ""), max_size=40).map(repr),
    st.lists(words, min_size=1, max_size=4).map(lambda parts: f"/{'/'.join(parts)}.csv"),
    st.integers(min_value=1 << 32).map(hex),
    st.integers(min_value=1, max_value=1 << 32).map(lambda number: f"https://a.example/{number}"),
    st.lists(st.integers(), min_size=1, max_size=5).map(str),
    st.dictionaries(words, st.integers(), min_size=1, max_size=5).map(str),
)


@st.composite
def said_twice(draw: st.DrawFn) -> tuple[str, str]:
    """Draw a sentence with values in it, and the same one with others."""
    said = draw(st.lists(words, min_size=1, max_size=6))
    first = [part for word in said for part in (word, draw(values))]
    second = [part for word in said for part in (word, draw(values))]
    return " ".join(first), " ".join(second)


@given(said_twice())
def test_other_values_change_nothing(said: tuple[str, str]) -> None:
    """However a value is written, and whatever it is, the rest is all that is left."""
    assert blanked(said[0]) == blanked(said[1])


@given(st.text())
def test_any_text_is_taken(text: str) -> None:
    """The result is one line of bounded length, and to make it blank again changes no length."""
    blank = blanked(text)

    assert len(blank) <= LONGEST
    assert len(blank.splitlines()) <= 1


@pytest.mark.parametrize("length", [3_000, 30_000, 300_000])
def test_a_long_value_is_as_blank_as_a_short_one(length: int) -> None:
    """A quoted document may be cut anywhere: by the reader of it, or by the log before."""
    text = f"cannot parse '{'<a b=1> ' * length}' as XML"

    assert blanked(text) == f"cannot parse {BLANK}"
    assert blanked(shorten_text(text, 600)) == f"cannot parse {BLANK}"
    assert blanked(f"cannot parse {list(range(length))}") == f"cannot parse [{BLANK}"
    assert blanked(shorten_text(f"no {list(range(length))}", 600)) == f"no [{BLANK}"


@pytest.mark.parametrize("piece", ["'a", "a.b", "“", "a/", "1:", "a1", "[", "a-", "0", "é", "\\"])
def test_no_text_takes_long(piece: str) -> None:
    """What looks like the begin of a value again and again is read once, more or less."""
    assert len(blanked(piece * 100_000)) <= LONGEST
