"""What a caller takes, as its headers say."""

from __future__ import annotations

import pytest

from web.api.accepting import preferred, takes_gzip
from web.api.encoded_answer import is_known

OFFERS = ("application/json", "text/csv; charset=utf-8")


@pytest.mark.parametrize(
    ("accept", "index"),
    [
        ("", 0),
        ("*/*", 0),
        ("text/csv", 1),
        ("TEXT/CSV;q=0.9, application/json;q=0.5", 1),
        ("text/*", 1),
        ("image/png", 0),
        ("text/csv;q=0, */*", 0),
        ("text/csv;q=1.2.3", 0),
        ("application/json;q=0.5, */*;q=0.8", 1),
        ("text/*, text/csv;q=0, application/json;q=0.1", 0),
    ],
)
def test_the_type_that_weighs_most_is_given(accept: str, index: int) -> None:
    """The first is what comes where nothing else is wanted more; the narrowest range counts."""
    assert preferred(OFFERS, accept) == OFFERS[index]


@pytest.mark.parametrize(
    ("accepted", "takes"),
    [
        (b"gzip", True),
        (b"br, GZIP;q=0.5", True),
        (b"*", True),
        (b"gzip;q=0", False),
        (b"gzip; q=0.000", False),
        (b"gzip;q=0, br", False),
        (b"*, gzip;q=0", False),
        (b"*;q=0, gzip", True),
        (b"br,gzip,*;q=0", True),
        (b"identity", False),
        (b"x-gzip-not", False),
        (b"", False),
    ],
)
def test_compression_is_taken_or_not(accepted: bytes, takes: bool) -> None:
    """A weight of nothing is a refusal."""
    assert takes_gzip(accepted) is takes


@pytest.mark.parametrize(
    ("asked", "known"),
    [
        (b'W/"7-a"', True),
        (b'"7-a"', True),
        (b'"x", W/"7-a"', True),
        (b"*", True),
        (b'"7-b"', False),
        (b"7-a", False),
        (b"", False),
    ],
)
def test_a_tag_is_known_weakly(asked: bytes, known: bool) -> None:
    """Tags are compared as RFC 9110 does for reading: what is weak counts as the same."""
    assert is_known(b'W/"7-a"', asked) is known
