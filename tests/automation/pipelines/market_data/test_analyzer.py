"""Returns, volatility and drawdown follow their definitions, on examples and as rules."""

from __future__ import annotations

import datetime as dt
import math
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.pipelines.market_data.analysis import MonthlyReturn
from automation.pipelines.market_data.analyzer import (
    analyze,
    largest_drawdown,
    monthly_returns,
    volatility,
)
from automation.pipelines.market_data.cells import HIGHEST_PRICE, LOWEST_PRICE
from automation.pipelines.market_data.quote import Quote

PRICES = st.floats(LOWEST_PRICE, HIGHEST_PRICE)


def daily(closes: Sequence[float], *, first: dt.date = dt.date(2000, 1, 1)) -> list[Quote]:
    """Make quotes of one symbol on successive days."""
    return [Quote("A", first + dt.timedelta(days=day), close) for day, close in enumerate(closes)]


def on(*closes: tuple[str, float]) -> list[Quote]:
    """Make quotes of one symbol on the days given."""
    return [Quote("A", dt.date.fromisoformat(day), close) for day, close in closes]


def test_a_monthly_return_compares_last_closes() -> None:
    """Only the last close of each month counts, across a new year too; the first has no return."""
    quotes = on(
        ("1999-11-02", 5.0),
        ("1999-11-30", 10.0),
        ("1999-12-01", 99.0),
        ("1999-12-31", 15.0),
        ("2000-01-04", 7.5),
    )

    assert monthly_returns(quotes) == [
        MonthlyReturn("A", "1999-12", 0.5),
        MonthlyReturn("A", "2000-01", -0.5),
    ]


def test_a_gap_between_months_gives_no_return() -> None:
    """The month after one without quotes has no return; the months after that have theirs."""
    quotes = on(("2000-01-31", 1.0), ("2000-03-31", 2.0), ("2000-04-28", 3.0))

    assert [(monthly.month, monthly.value) for monthly in monthly_returns(quotes)] == [
        ("2000-04", 0.5)
    ]


def test_the_same_month_of_another_year_is_another_month() -> None:
    """January and the January after it do not fall together."""
    assert monthly_returns(on(("2000-01-31", 1.0), ("2001-01-31", 2.0))) == []


@pytest.mark.parametrize(
    ("closes", "drawdown"),
    [
        ([5.0], 0.0),
        ([1.0, 2.0, 3.0], 0.0),
        ([10.0, 5.0, 20.0, 15.0], 0.5),
        ([10.0, 9.0, 20.0, 8.0, 30.0], 0.6),
        ([8.0, 6.0, 4.0, 2.0], 0.75),
        ([], 0.0),
    ],
)
def test_the_largest_drawdown_is_from_peak_to_later_trough(
    closes: list[float], drawdown: float
) -> None:
    """The fall counts from the highest close before it, and rises after it do not matter."""
    assert largest_drawdown(closes) == pytest.approx(drawdown)


@given(st.lists(PRICES, min_size=1, max_size=30))
def test_a_drawdown_agrees_with_every_pair_tried(closes: list[float]) -> None:
    """The one pass finds what trying each earlier and later close finds, from 0 to below 1."""
    tried = max(
        (1 - later / earlier for place, earlier in enumerate(closes) for later in closes[place:]),
        default=0.0,
    )

    assert largest_drawdown(closes) == pytest.approx(max(tried, 0.0))
    assert 0 <= largest_drawdown(closes) < 1


@given(st.lists(PRICES))
def test_prices_that_never_fall_have_no_drawdown(closes: list[float]) -> None:
    """Sorted upwards, any closes have a drawdown of exactly zero."""
    assert largest_drawdown(sorted(closes)) == 0


def test_volatility_divides_by_one_less_than_the_count() -> None:
    """The standard deviation is that of a sample, not annualised."""
    assert volatility([0.1, 0.2, 0.6]) == pytest.approx(math.sqrt((0.04 + 0.01 + 0.09) / 2))


@pytest.mark.parametrize("returns", [[], [0.1]])
def test_volatility_needs_two_returns(returns: list[float]) -> None:
    """With fewer than two monthly returns there is no volatility, rather than a zero."""
    assert volatility(returns) is None


@given(close=PRICES, days=st.integers(70, 400))
def test_constant_prices_have_no_volatility(close: float, days: int) -> None:
    """A price that never moves has returns, volatility and drawdown of exactly zero."""
    analysis = analyze(daily([close] * days))

    assert {monthly.value for monthly in analysis.monthly_returns} == {0.0}
    assert analysis.statistics[0].volatility == 0
    assert analysis.statistics[0].largest_drawdown == 0
    assert analysis.statistics[0].total_return == 0


@given(st.lists(st.floats(0.01, 1e4), min_size=32, max_size=150))
def test_monthly_returns_multiply_to_the_whole(closes: list[float]) -> None:
    """Compounded, the monthly returns lead from the first month's last close to the last close."""
    quotes = daily(closes)
    first_month_end = [quote for quote in quotes if quote.date.month == 1][-1]

    compounded = math.prod(1 + monthly.value for monthly in monthly_returns(quotes))

    assert compounded == pytest.approx(closes[-1] / first_month_end.close, rel=1e-6)


@given(st.lists(PRICES, min_size=1, max_size=90), st.floats(0.5, 2.0), st.randoms())
def test_symbols_do_not_touch_each_other(
    closes: list[float], factor: float, shuffle: random.Random
) -> None:
    """Beside another symbol, and in any order, a symbol's numbers are what they are alone."""
    own = daily(closes)
    other = [Quote("B", quote.date, 1 + factor * place) for place, quote in enumerate(own)]
    mixed = own + other
    shuffle.shuffle(mixed)

    together, alone = analyze(mixed), analyze(own)

    assert [row.symbol for row in together.statistics] == ["A", "B"]
    assert together.statistics[:1] == alone.statistics
    assert together.monthly_returns[: len(alone.monthly_returns)] == alone.monthly_returns


def test_statistics_tell_the_span_and_the_counts() -> None:
    """Counts, dates, last close and total return are of the symbol's own quotes."""
    row = analyze(on(("2000-01-31", 8.0), ("2000-02-01", 4.0), ("2000-02-29", 10.0))).statistics[0]

    assert (row.quotes, row.monthly_returns) == (3, 1)
    assert (row.first_date, row.last_date) == (dt.date(2000, 1, 31), dt.date(2000, 2, 29))
    assert (row.last_close, row.total_return) == (10.0, 0.25)
    assert (row.volatility, row.largest_drawdown) == (None, 0.5)
