"""The golden segment: bytes that lie in logs that exist, and must be read for ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import EventLog, LogReader
from ledger.events import EVENT_TYPES, UnreadData
from ledger.lifecycle import Lifecycle, Violation, advance
from ledger.line.decoding import decode
from tests.golden.make_golden import events, golden_lines
from tests.golden_ledger import GOLDEN, golden_ledger
from tests.ledger.witness import assert_whole, raw_lines


def test_the_bytes_are_what_the_codec_makes_today() -> None:
    """The same values give the same bytes as when the file was made."""
    assert GOLDEN.read_bytes() == b"".join(golden_lines())


def test_every_type_is_in_it() -> None:
    """No event type, and no key of a payload, is without a golden line."""
    golden = [decode(line) for line in GOLDEN.read_bytes().splitlines()]

    assert {event.type for event in golden} == set(EVENT_TYPES)
    for event in golden:
        assert not isinstance(event.data, UnreadData)
        assert event.schema_version == 1


def test_reading_gives_these_events(tmp_path: Path) -> None:
    """A reader finds the values that were written, in their places."""
    folder = golden_ledger(tmp_path)

    recorded = list(LogReader(folder).read())

    assert [(e.data, e.run_id, e.event_id, e.occurred_at) for e in recorded] == [
        (e.data, e.run_id, e.event_id, e.occurred_at) for batch in events() for e in batch
    ]
    assert [event.line + b"\n" for event in recorded] == golden_lines()
    assert [event.position for event in recorded] == list(range(1, len(recorded) + 1))


def test_a_stranger_finds_it_whole(tmp_path: Path) -> None:
    """Chain, CRCs, positions, sequences and batches hold without any code of ours."""
    folder = golden_ledger(tmp_path)

    lines = assert_whole(folder)

    assert len(lines) == len(golden_lines())
    assert {line["rest"] for line in lines} == {0, 1, 2}


def test_its_runs_end_in_every_way() -> None:
    """Of the runs in it some succeed, fail, stop, are abandoned, come back or are imported."""
    states: dict[str, Lifecycle] = {}
    for batch in events():
        for event in batch:
            if event.run_id is not None:
                fields = event.data.as_value()
                state = states.get(event.run_id, Lifecycle())
                following = advance(
                    state, event.data.type, fields.get("stage"), fields.get("attempt")
                )
                assert not isinstance(following, Violation)
                states[event.run_id] = following

    assert {run_id: str(state.phase) for run_id, state in states.items()} == {
        "nightly-success": "ended",
        "nightly-failed": "ended",
        "nightly-stopped": "ended",
        "nightly-abandoned": "abandoned",
        "nightly-resurrected": "ended",
        "nightly-imported": "ended",
        "nightly-running": "running",
    }


@pytest.mark.parametrize("times", [1, 2])
def test_a_writer_goes_on_from_it(tmp_path: Path, times: int) -> None:
    """The file can be opened for writing as any log, and its own events are known duplicates."""
    folder = golden_ledger(tmp_path)

    for _ in range(times):
        with EventLog.open(folder) as log:
            receipts = [log.append_batch(batch) for batch in events()[1:]]

    assert all(receipt.duplicate for batch in receipts for receipt in batch)
    assert raw_lines(folder) == [line[:-1] for line in golden_lines()]
