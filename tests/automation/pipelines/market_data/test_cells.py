"""A cell is read as exactly one value, or refused with a reason that quotes it."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.pipelines.market_data.cells import (
    HIGHEST_PRICE,
    LOWEST_PRICE,
    read_count,
    read_date,
    read_month,
    read_price,
)

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

BAD_DATES = [
    ("Feb 30 2000", "date is not in the calendar: 'Feb 30 2000'"),
    ("2001-02-29", "date is not in the calendar: '2001-02-29'"),
    ("0000-01-01", "date is not in the calendar: '0000-01-01'"),
    ("01/02/2000", "date is neither like 'Jan 1 2000' nor like '2000-01-01': '01/02/2000'"),
    ("20000101", "date is neither like 'Jan 1 2000' nor like '2000-01-01': '20000101'"),
    ("2000-W01-1", "date is neither like 'Jan 1 2000' nor like '2000-01-01': '2000-W01-1'"),
    ("2000-01-01T00:00", "date is neither like 'Jan 1 2000' nor like"),
    ("Mai 1 2000", "date is neither like 'Jan 1 2000' nor like '2000-01-01': 'Mai 1 2000'"),
    ("", "date is neither like 'Jan 1 2000' nor like '2000-01-01': ''"),
    (20000101.0, "date is neither like 'Jan 1 2000' nor like '2000-01-01': 20000101.0"),
    (None, "date is neither like 'Jan 1 2000' nor like '2000-01-01': None"),
]

BAD_PRICES = [
    ("n/a", "price is not a number: 'n/a'"),
    ("", "price is not a number: ''"),
    ("1_000", "price is not a number: '1_000'"),
    ("1,5", "price is not a number: '1,5'"),
    ("٣", "price is not a number: '٣'"),
    ("$3", "price is not a number: '$3'"),
    (True, "price is not a number: True"),
    (None, "price is not a number: None"),
    (["1"], "price is not a number: ['1']"),
    ("NaN", "price is not finite: 'NaN'"),
    ("inf", "price is not finite: 'inf'"),
    ("-Infinity", "price is not finite: '-Infinity'"),
    ("1e999", "price is not finite: '1e999'"),
    (float("nan"), "price is not finite: nan"),
    ("0", "price is not above zero: '0'"),
    ("-0.0", "price is not above zero: '-0.0'"),
    ("-12.5", "price is not above zero: '-12.5'"),
    (-12.5, "price is not above zero: -12.5"),
    ("1e-300", "price is not between 1e-06 and 1e+09: '1e-300'"),
    ("1e10", "price is not between 1e-06 and 1e+09: '1e10'"),
]


@given(st.dates())
def test_both_ways_to_write_a_date_read_as_the_same_day(day: dt.date) -> None:
    """Any day of the calendar reads back from its ISO form and from its named form."""
    named = f"{MONTHS[day.month - 1]} {day.day} {day.year:04d}"

    assert read_date(day.isoformat()) == day
    assert read_date(named) == day
    assert read_date(f" {named}\t") == day


@pytest.mark.parametrize(("value", "reason"), BAD_DATES)
def test_what_is_no_date_is_refused(value: object, reason: str) -> None:
    """A date of another form, or of no calendar, is refused and quoted."""
    with pytest.raises(ValueError, match=r"^date is ") as caught:
        read_date(value)

    assert str(caught.value).startswith(reason)


@given(st.floats(LOWEST_PRICE, HIGHEST_PRICE))
def test_a_price_reads_the_same_from_text_and_from_a_number(price: float) -> None:
    """Any price in bounds reads back exactly, whether it comes from CSV or JSON."""
    assert read_price("price", repr(price)) == price
    assert read_price("price", price) == price


@pytest.mark.parametrize(("value", "reason"), BAD_PRICES)
def test_what_is_no_price_is_refused(value: object, reason: str) -> None:
    """What is no finite number above zero and within reason is refused and quoted."""
    with pytest.raises(ValueError, match=r"^price is not ") as caught:
        read_price("price", value)

    assert str(caught.value) == reason


@given(st.text() | st.floats().map(repr) | st.decimals().map(str))
def test_any_text_is_a_sound_price_or_refused(text: str) -> None:
    """Whatever text a cell holds, the outcome is a price in bounds or a ValueError."""
    try:
        price = read_price("price", text)
    except ValueError:
        return
    assert LOWEST_PRICE <= price <= HIGHEST_PRICE


def test_a_long_cell_is_quoted_short() -> None:
    """A reason stays readable even where a cell holds a whole file by accident."""
    with pytest.raises(ValueError, match="not a number") as caught:
        read_price("price", "x" * 100_000)

    assert len(str(caught.value)) < 80


@pytest.mark.parametrize("text", ["2000-13", "2000-00", "2000", "Jan 2000", ""])
def test_what_is_no_month_is_refused(text: str) -> None:
    """A month is four digits, a dash and 01 to 12."""
    assert read_month("2000-12") == "2000-12"
    with pytest.raises(ValueError, match="month is not like '2000-01'"):
        read_month(text)


@pytest.mark.parametrize("text", ["-1", "1.0", "1_0", "²", ""])
def test_what_is_no_count_is_refused(text: str) -> None:
    """A count is plain digits."""
    assert read_count("quotes", "120") == 120
    with pytest.raises(ValueError, match="quotes is not a count"):
        read_count("quotes", text)
