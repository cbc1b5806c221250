"""Where the bars of the last runs lie."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from web.charts.strip import HEIGHT, STEP, draw_strip, join_bars


def test_a_bar_is_as_high_as_its_run_took_long() -> None:
    """Few runs stand at the end of the strip, where the newest always is."""
    bars = draw_strip([("success", 10.0), ("success", 20.0), ("stopped", None)], places=5)
    assert [bar.x for bar in bars] == [2 * STEP, 3 * STEP, 4 * STEP]
    assert [bar.height for bar in bars[:2]] == [HEIGHT / 2, HEIGHT]
    assert [bar.state for bar in bars] == ["success", "success", "stopped"]
    assert 0 < bars[2].height < HEIGHT / 4
    assert bars[1].outline == "M32 0.5h6V35.5h-6z"


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["success", "failed", "stopped", "running", "lost"]),
            st.none() | st.floats(0, 1e9),
        ),
        max_size=30,
    )
)
def test_every_run_can_be_seen_and_none_leaves_the_strip(
    runs: list[tuple[str, float | None]],
) -> None:
    """Whatever the durations are, and one that failed has room for its mark."""
    bars = draw_strip(runs, places=30)
    paths = join_bars(bars)
    assert sum(path.outline.count("M") for path in paths) == len(runs)
    assert len(paths) == len({state for state, _ in runs})
    for (state, _), bar in zip(runs, bars, strict=True):
        assert (9 if state in ("failed", "lost") else 4) <= bar.height <= HEIGHT
        assert (bar.cross is not None) == (state in ("failed", "lost"))
        assert 0 <= bar.x < 30 * STEP
