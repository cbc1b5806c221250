"""``RunKey``: a place in a list, which goes through text and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import InvalidEvent
from projections.listing.run_order import RunKey, RunOrder
from projections.runs.run_rows import NO_START

_LEAST, _MOST = -62_135_596_800_000_000, 253_402_300_799_999_999
_runs = st.integers(0, 2**63 - 1)


@given(
    st.builds(
        RunKey,
        by_start=st.just(value=True),
        at=st.just(NO_START) | st.integers(_LEAST, _MOST),
        run=_runs,
    )
    | st.builds(
        RunKey,
        by_start=st.just(value=False),
        at=st.none() | st.floats(allow_nan=False),
        run=_runs,
    )
)
def test_a_key_goes_through_text(key: RunKey) -> None:
    """Every start there is in the calendar, every duration, and those that are not known."""
    assert RunKey.parse(str(key)) == key


def test_a_key_can_be_read() -> None:
    """By a person too."""
    assert str(RunKey(by_start=True, at=1_768_471_200_123_456, run=7)) == (
        "start/2026-01-15T10:00:00.123456Z/7"
    )
    assert str(RunKey(by_start=False, at=None, run=7)) == "duration/unknown/7"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "7",
        "start/7",
        "end/unknown/7",
        "start/unknown/-7",
        "start/unknown/٣",
        f"start/unknown/{2**63}",
        "start/2026-01-15T10:00:00/7",
        "start/today/7",
        "duration/nan/7",
        "duration/long/7",
        "duration/1/7/8",
    ],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    """The error shows it, and says where one is to be had."""
    with pytest.raises(InvalidEvent, match="take it from the page before") as caught:
        RunKey.parse(text)

    assert caught.value.field == "after"


def test_a_key_belongs_to_an_order() -> None:
    """That of a list by start says nothing about a list by duration."""
    key = RunKey(by_start=True, at=0, run=1)
    key.check_order(RunOrder.OLDEST)
    with pytest.raises(InvalidEvent, match="longest"):
        key.check_order(RunOrder.LONGEST)
