"""What ``automation`` promises to those who import it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import automation


def test_the_names_are_there() -> None:
    """Each promised name can be imported; others cannot."""
    assert list(automation.__all__) == sorted(automation.__all__)
    for name in automation.__all__:
        assert getattr(automation, name).__name__ == name
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        automation.nothing  # noqa: B018 - the look-up is what fails


def test_pipelines_can_be_written_without_the_extras() -> None:
    """Only what runs pipelines needs more than the core."""
    program = (
        "import sys\n"
        "for name in ('tenacity', 'rich', 'typer', 'starlette'): sys.modules[name] = None\n"
        "from automation import Pipeline, Stage, load_pipeline\n"
        "import automation\n"
        "try: automation.PipelineOrchestrator\n"
        "except ModuleNotFoundError as error: print(error.name)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "tenacity\n"
