"""Where the bars of an activity lie."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from web.charts.activity import HEIGHT, draw_activity

BEGIN = datetime(2026, 1, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_bars_are_as_high_as_their_numbers() -> None:
    """The highest fills the height, others their share; what failed is on top."""
    counts = [{"success": 6, "failed": 2}, {}, {"success": 4}]
    chart = draw_activity(counts, begin=BEGIN, slot=HOUR)
    first, none, last = chart.slots
    assert chart.most == first.total == 8
    assert [(part.result, part.y, part.height) for part in first.stacks] == [
        ("success", 15, 45),
        ("failed", 0, 15),
    ]
    assert none.stacks == []
    assert [result for result, _ in chart.paths] == ["success", "failed"]
    assert chart.paths[1][1] == "M4.000 0h25.333v15h-25.333z"
    assert last.stacks[0].height == HEIGHT / 2
    assert (last.begin, last.end) == (BEGIN + 2 * HOUR, BEGIN + 3 * HOUR)


def test_one_run_among_many_can_still_be_seen() -> None:
    """A part is never too low to be seen, and none leaves the chart."""
    [slot] = draw_activity([{"success": 10_000, "failed": 1}], begin=BEGIN, slot=HOUR).slots
    assert min(part.height for part in slot.stacks) >= 2
    assert min(part.y for part in slot.stacks) == 0


def test_no_slots_give_an_empty_chart() -> None:
    """Where nothing began there is nothing to draw."""
    assert draw_activity([], begin=BEGIN, slot=HOUR).slots == []
