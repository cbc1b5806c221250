"""A log of more segments than a process may have open files."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import EventLog, LogReader
from ledger.writing.sealing import seal_in_background
from tests.ledger.examples import acknowledgement, one_run, run_annotated
from tests.ledger.processes import finish, start
from tests.ledger.witness import assert_whole, segments_of

LIMIT = 80
"""Open files allowed: more than a process needs at any time, fewer than there are segments."""


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a log in which one run has events in a hundred sealed segments and more."""
    folder = tmp_path_factory.mktemp("many") / "log"
    with EventLog.open(folder, segment_bytes=1500, durability="process") as log:
        log.append_batch(one_run("run-1"))
        for number in range(120):
            log.append_batch([run_annotated("run-1", str(number)), acknowledgement("x" * 600)])
    for path in segments_of(folder)[:-1]:
        seal_in_background(folder, int(path.stem)).join()
    assert len(list((folder / "index").glob("*"))) > LIMIT + 20
    return folder


def test_a_run_is_read_and_appended_to_with_fewer_descriptors_than_segments(long: Path) -> None:
    """Indexes that were not used for longest are closed, so a run is read whole and goes on."""
    before = len(list(LogReader(long).read_run("run-1")))

    said = finish(start("live_with_few_descriptors", long, "run-1", LIMIT))

    assert [int(number) for number in said] == [before, before + 1, before + 2]
    lines = [line for line in assert_whole(long) if line["run_id"] == "run-1"]
    assert [line["sequence"] for line in lines] == list(range(1, before + 4))
