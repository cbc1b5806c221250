"""What the tests of the orchestrator share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from automation import (
    PipelineOrchestrator,
)


@pytest.fixture
def orchestrator(tmp_path: Path) -> Iterator[PipelineOrchestrator]:
    """Give an orchestrator of a new folder."""
    with PipelineOrchestrator(tmp_path / "runs", trigger="a test") as made:
        yield made
