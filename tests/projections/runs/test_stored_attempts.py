"""``ReadWhenNeeded``: the attempts of a listed run are a tuple in all but their class."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

from projections import RunHistory, RunSummary
from projections.runs.stored_attempts import ReadWhenNeeded
from tests.projections.past_ledgers import write_log
from tests.projections.payloads import began, done, ended, failed, started
from tests.projections.recorded import tell


def listed_and_shown(folder: Path) -> tuple[RunSummary, RunSummary]:
    """Give the same run from a list and by itself."""
    story = tell(started(), began("a"), failed("a"), began("b"), done("b", rows=3), ended())
    write_log(folder, story)
    with RunHistory(folder) as history:
        (listed,) = history.list_runs()
        shown = history.get_run("run-1")
    assert shown is not None
    return listed, shown


def test_a_listed_run_is_the_run(tmp_path: Path) -> None:
    """Equal on both sides, written alike, copied and pickled as one."""
    listed, shown = listed_and_shown(tmp_path)

    assert listed == shown
    assert shown == listed
    assert listed.model_dump_json() == shown.model_dump_json()
    assert listed.model_dump() == shown.model_dump()
    assert repr(listed) == repr(shown)
    for again in (copy.deepcopy(listed), pickle.loads(pickle.dumps(listed))):  # noqa: S301 - its own
        assert again == shown
        assert isinstance(again.attempts, tuple)


def test_stored_attempts_are_a_sequence(tmp_path: Path) -> None:
    """Counted, sliced, looped over, and compared with each other."""
    attempts = listed_and_shown(tmp_path)[0].attempts

    assert [attempt.stage for attempt in attempts] == ["a", "b"]
    assert (len(attempts), attempts[-1].stage, attempts[:1]) == (2, "b", (attempts[0],))
    assert attempts[1] in attempts


def test_nothing_is_read_before_it_is_needed() -> None:
    """Once, and only when somebody looks."""
    read: list[str] = []

    def split(stored: str) -> tuple[str, ...]:
        read.append(stored)
        return tuple(stored.split())

    stored = ReadWhenNeeded("a b", split)
    assert read == []
    assert (len(stored), list(stored), stored[0]) == (2, ["a", "b"], "a")
    assert stored == ReadWhenNeeded("a b", split) != ("a",)
    assert hash(stored) == hash(("a", "b"))
    assert read == ["a b", "a b"]
