"""One browser, and one server with runs of every kind, for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.web.pages.browsing import chromium
from tests.web.sample_runs import hostile_runs, record_sample, running_run
from tests.web.serving import Server, serving


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Start a browser."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Record runs of every kind, hostile ones too, and one that goes on."""
    folder = tmp_path_factory.mktemp("pages") / "runs"
    record_sample(folder, successes=6)
    hostile_runs(folder)
    with running_run(folder):
        yield folder


@pytest.fixture(scope="package")
def server(folder: Path) -> Iterator[Server]:
    """Serve them."""
    with serving(folder) as server:
        yield server
