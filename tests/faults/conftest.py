"""What the fault runs share: a folder in memory, and a tally of what was done to them."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

_MEMORY = Path("/dev/shm")
_TALLY: Counter[str] = Counter()


@pytest.fixture(scope="session")
def tally() -> Counter[str]:
    """Count what was done, by its name, over the whole run."""
    return _TALLY


@pytest.fixture
def shm(tmp_path: Path) -> Iterator[Path]:
    """Give a folder in memory where there is one: thousands of syncs cost nothing there."""
    if not _MEMORY.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="runfold-faults-", dir=_MEMORY) as folder:
        yield Path(folder)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end of a run what was done; a run in several processes says nothing."""
    if _TALLY:
        terminalreporter.section("faults injected")
        for name, count in sorted(_TALLY.items()):
            terminalreporter.write_line(f"{count:>8,} {name}")
