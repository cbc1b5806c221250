"""What all tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.faults.workshop import Workshop

# A check that others wait for says the same of the same code; new examples are found by people,
# whose runs are random.
settings.register_profile("ci", derandomize=True, print_blob=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """Give a place to start processes that meet faults, each a fork of one that has it all."""
    with Workshop(tmp_path_factory.mktemp("workshop")) as place:
        yield place
