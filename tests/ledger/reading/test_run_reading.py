"""The lines of one run from an event on, and from the newest back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import EventLog, LogReader
from ledger.errors import LedgerDamaged
from tests.ledger.examples import acknowledgement, one_run, run_annotated
from tests.ledger.witness import segments_of


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> LogReader:
    """Read a log of several segments, in which a run has every other event."""
    folder = tmp_path_factory.mktemp("run") / "log"
    with EventLog.open(folder, segment_bytes=4_000, durability="process") as log:
        log.append_batch(one_run("run-1"))
        for number in range(20):
            log.append_batch([run_annotated("run-1", str(number)), acknowledgement("known")])
    assert len(segments_of(folder)) > 2
    return LogReader(folder)


@given(after=st.integers(-1, 40))
def test_a_run_is_read_from_an_event_on(reader: LogReader, after: int) -> None:
    """Behind any event come those that all of them would have there, also behind the last."""
    every = list(reader.run_lines("run-1"))
    wanted = [line for line in every if line.envelope.sequence > after]
    assert list(reader.runs.lines("run-1", None, reader.mark(), after=after)) == wanted


@pytest.mark.parametrize("run_id", ["run-1", None, "nobody"])
@given(data=st.data())
def test_a_run_is_read_back_from_any_position(
    reader: LogReader, run_id: str | None, data: st.DataObject
) -> None:
    """Up to a position there are the same lines as forwards, the newest first."""
    until = data.draw(st.integers(0, reader.position + 2))
    forwards = list(reader.run_lines(run_id, until))
    assert list(reader.runs.lines_back(run_id, until, reader.mark())) == forwards[::-1]


def test_a_line_that_is_missing_is_damage_in_both_directions(tmp_path: Path) -> None:
    """A run whose events have a gap is never shown shorter, and what lies behind it is read."""
    folder = tmp_path / "log"
    with EventLog.open(folder, durability="process") as log:
        log.append_batch(one_run("run-1"))
    reader = LogReader(folder)
    last = reader.position
    (segment,) = segments_of(folder)
    # The index finds no line of the run where another run is named.
    lines = segment.read_bytes().split(b"\n")
    lines[3] = lines[3].replace(b'"run_id":"run-1"', b'"run_id":"run-2"')
    segment.write_bytes(b"\n".join(lines))
    newest = LogReader(folder).runs.lines_back("run-1", last, reader.mark())
    assert next(newest).end.position == last
    with pytest.raises(LedgerDamaged):
        list(newest)
    with pytest.raises(LedgerDamaged):
        list(LogReader(folder).run_lines("run-1"))
