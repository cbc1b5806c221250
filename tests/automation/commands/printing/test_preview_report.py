"""How a preview reads: what differs of each projection, and what that asks for."""

from __future__ import annotations

import pytest

from automation.commands.printing.preview_report import preview_report
from projections.checking.digests import ProjectionDigest
from projections.checking.model_comparison import Comparison, Side
from projections.checking.preview import Preview


@pytest.mark.parametrize(
    ("version", "heading"),
    [
        (2, "version 1 -> 2, 1 of 4 runs differ"),
        (
            1,
            "1 of 4 runs differ; the version is the same: raise it where the code is another",
        ),
    ],
)
def test_what_differs_under_the_same_version_asks_for_another(version: int, heading: str) -> None:
    """No reader would build the model anew for code that calls itself the same."""
    held = ProjectionDigest(runs=4, rows=4, digest="0" * 64)
    costs = Comparison("costs", Side(1, held), Side(version, held), differing=1)

    first, *_ = preview_report(
        Preview(equal=False, generation="000001", position=9, projections=(costs,))
    )

    assert str(first) == f"costs: {heading}"
