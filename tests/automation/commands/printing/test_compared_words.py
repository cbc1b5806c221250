"""How two runs side by side are said."""

from __future__ import annotations

import pytest

from automation.commands.printing.compared_words import attempt_rows, value_rows
from projections.comparing.paired_attempts import AttemptPair, AttemptSide
from projections.comparing.paired_values import pair_durations
from projections.comparing.run_comparison import RunComparison, compare_runs
from projections.runs.run_fold import fold, initial, summarize
from projections.statistics.baselines import Usual
from tests.projections.payloads import ended, started
from tests.projections.recorded import RUN, record_run

USUAL = Usual(median=10, spread=0.0001, successes=7)


@pytest.mark.parametrize(
    ("a", "b", "usual", "said"),
    [
        (12.5, 10.0, None, "+2.50 s"),
        (10.0, 70.0, None, "-1 min 00 s"),
        (10.0, 9.9, USUAL, "+100 ms, 1000.0 spreads"),
        (10.0004, 10.0, USUAL, "0 ms"),
        (None, 10.0, USUAL, ""),
    ],
)
def test_a_difference_is_said_with_its_sign(
    a: float | None, b: float | None, usual: Usual | None, said: str
) -> None:
    """And in spreads, but where it is shown as nothing."""
    pair = AttemptPair(
        stage="load",
        attempt=1,
        a=AttemptSide(result=None),
        b=AttemptSide(result="success"),
        duration=pair_durations(a, b, usual),
        metrics=(),
        equal=False,
    )

    (row,) = attempt_rows([pair])

    assert row[:4] == ("load", "1", "no end", "success")
    assert row[6] == said


def of_metadata(value: object) -> RunComparison:
    """Compare a run that has metadata with one that has none."""
    a, b = record_run(started(key=value), ended()), record_run(started(), ended())
    one, other = (summarize(fold(events, initial(RUN))) for events in (a, b))
    return compare_runs(one, other, a, b, position=3)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("text\nof  lines", "text of lines"),
        (None, "null"),
        ("-", '"-"'),
        ([], "[]"),
        (False, "false"),
        (["a", "b"], "a, b"),
        (["a", 1], '["a", 1]'),
        ({"é": 1}, '{"é": 1}'),
        ("x" * 400, "x" * 299 + "…"),
    ],
)
def test_a_value_is_said_in_one_line(value: object, said: str) -> None:
    """As people write it, and never as where there is none; long texts are shortened."""
    rows = list(value_rows(of_metadata(value).differences()))

    assert rows == [("metadata", "key", said, "-")]
