"""Times of a line: one by one or all together, the same texts are times."""

from __future__ import annotations

import string
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ledger.errors import BadLine
from ledger.line.times import are_times, decode_time
from ledger.plain_values import utc_text

MOMENTS = st.datetimes(timezones=st.just(UTC))
CHANGES = st.lists(st.tuples(st.integers(0, 27), st.sampled_from(string.digits + "-:.,TZW +é")))


def is_time(text: str) -> bool:
    """Tell whether a text is taken by itself."""
    try:
        decode_time(text, "occurred_at")
    except BadLine:
        return False
    return True


@given(MOMENTS)
def test_a_time_is_read_back(moment: datetime) -> None:
    """To the microsecond, in UTC."""
    assert decode_time(utc_text(moment), "occurred_at") == moment


@given(MOMENTS.map(utc_text), CHANGES)
@example("2026-W03-4T10:00:00.123456Z", [])
@example("2026-02-30T10:00:00.123456Z", [])
@example("2026-01-15T24:00:00.000000Z", [])
@example("2026-01-15T10:00:60.000000Z", [])
@example("2026-01-15T10:00:00,123456Z", [])
@example("2026-01-15T10:00:00.123456z", [])
@example("2026-01-15T10:00:00.1234567Z", [])
def test_what_is_a_time_by_itself_is_one_among_others(
    text: str, changes: list[tuple[int, str]]
) -> None:
    """Whatever characters of it are others."""
    for at, other in changes:
        text = text[:at] + other + text[at + 1 :]

    assert is_time(text) == are_times([text])


@pytest.mark.parametrize("text", ["", "yesterday", "2026-01-15T10:00:00.123456+00:00"])
def test_what_is_no_time_is_told_with_its_field(text: str) -> None:
    """So that whoever wrote it finds it."""
    with pytest.raises(BadLine, match="occurred_at is"):
        decode_time(text, "occurred_at")
