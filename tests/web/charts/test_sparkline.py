"""Small charts in a line."""

from __future__ import annotations

from web.charts.sparkline import HEIGHT, WIDTH, spark_bars, spark_lines


def test_a_line_breaks_where_nothing_is_known() -> None:
    """From nought at the bottom to the most at the top; one alone is a dot."""
    first, second = spark_lines([0.0, 4.0, None, None, 2.0])
    assert first == "0.0,20.0 30.0,2.0"
    assert second == "120.0,11.0 120.0,11.0"
    assert spark_lines([]) == spark_lines([None]) == []
    assert spark_lines([0.0, 0.0]) == ["0.0,20.0 120.0,20.0"]


def test_counts_are_bars() -> None:
    """Nought has none, and one among many can still be seen."""
    bars = spark_bars([0, 1_000, 1])
    assert [bar.x for bar in bars] == [WIDTH / 3, 2 * WIDTH / 3]
    assert [bar.height for bar in bars] == [HEIGHT, 2.0]
    assert bars[0].y == 0
    assert spark_bars([]) == spark_bars([0]) == []
