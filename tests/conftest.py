"""What all tests share."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.faults.workshop import Workshop

# A check that others wait for says the same of the same code; new examples are found by people,
# whose runs are random.
# How long an example takes is up to the machine, so it shows nothing.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("people", unhurried, max_examples=30)
settings.register_profile("ci", unhurried, max_examples=30, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "people")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a test that is passed over fail in CI, where all must run; it says its reason."""
    report = yield
    if report.skipped and os.environ.get("CI"):
        report.outcome = "failed"
    return report


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """Give a place to start processes that meet faults, each a fork of one that has it all."""
    with Workshop(tmp_path_factory.mktemp("workshop")) as place:
        yield place
