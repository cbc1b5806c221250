"""How long runs took, as counts up to bounds."""

from __future__ import annotations

import sys
from pathlib import Path

from projections import RunHistory
from projections.runs.run_durations import DurationCounts, duration_counts
from tests.projections.ledgers import append
from tests.projections.payloads import ended, started
from tests.projections.recorded import tell


def test_runs_that_took_longer_together_than_a_number_can_say(tmp_path: Path) -> None:
    """They took as long as one can: infinity is no duration, and no sum goes on from it."""
    longest = ended().model_copy(update={"elapsed_seconds": sys.float_info.max})
    stories = [tell(started(), end, run_id=f"run-{at}") for at, end in enumerate([longest] * 2)]
    append(tmp_path / "runs", [event for story in stories for event in story])
    with RunHistory(tmp_path / "runs") as history:
        [found] = history.ask(lambda connection, _: duration_counts(connection, (1, 60)))

    assert found == DurationCounts(
        pipeline="nightly", runs=2, seconds=sys.float_info.max, up_to=(0, 0)
    )
