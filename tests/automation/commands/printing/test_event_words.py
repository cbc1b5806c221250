"""What an event says on one line: the golden events of every type, as a person reads them."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest

from automation.commands.printing.event_words import event_words
from ledger.events import EVENT_TYPES, NewEvent, RunAnnotated
from ledger.line.codec import encode_body, encode_line
from ledger.line.decoding import decode

GOLDEN = Path(__file__).parents[3] / "golden" / "schema_versions"

WORDS = {
    "ledger_created": ["6f1c2a9e-0c52-4a53-9d0a-3f1f6b0c7a11, format 1"],
    "run_started": [
        "nightly",
        (
            "nightly: extract, load/orders; input=orders.csv, limit=10, strict=true;"
            ' day=2026-01-15, nested={"list": [1, 2.5, null]}; rerun of run-0'
        ),
    ],
    "stage_started": ["load/orders, attempt 2"],
    "stage_completed": [
        "extract, attempt 1, 0 ms",
        "load/orders, attempt 2, 1.50 s; rows=604, loss=NaN, share=0.25",
    ],
    "stage_failed": [
        "extract, attempt 1, 250 ms; KeyError",
        "load/orders, attempt 1, 12.75 s; will be tried again; ValueError: no rows in “Zürich” 😀",
    ],
    "stage_stopped": ["load/orders, attempt 3, 2 h 00 min"],
    "stage_skipped": ["report; load/orders failed"],
    "run_ended": [
        "success, 2.00 s",
        "failed, 14.25 s; Stage load/orders failed: ValueError: no rows",
        "stopped, 3.50 s",
    ],
    "run_abandoned": ["process 4711 on worker-1 is gone, found by worker-2"],
    "run_annotated": ["anna", "anna: the source was late; ticket=OPS-17"],
    "run_imported": ["no result, from runs.jsonl", "failed, from runs.jsonl; Stage load failed"],
    "failure_acknowledged": ["f00dfeedf00dfeed; anna: known, see OPS-17"],
    "ledger_recovered": [
        "17 bytes cut from 00000000000000000001.jsonl, byte 1234; 17 bytes without a newline"
    ],
    "ledger_repaired": ["1 places skipped; anna: a disk block was lost"],
}


def line_of(event: NewEvent) -> bytes:
    """Encode an event at a place of no importance."""
    line = encode_line(
        encode_body(event),
        position=2,
        prev="ab" * 32,
        sequence=1,
        rest=0,
        recorded_at="2026-01-15T10:00:00.000000Z",
    )
    return line[:-1]


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_each_type_is_said_in_its_own_words(event_type: str) -> None:
    """What a person looks for comes first."""
    lines = (GOLDEN / f"{event_type}.v1.jsonl").read_bytes().splitlines()

    assert [event_words(decode(line)) for line in lines] == WORDS[event_type]


def test_a_text_of_many_lines_is_one_line_of_bounded_length() -> None:
    """A table has one row for each event, whatever people write into it."""
    event = NewEvent(RunAnnotated(note="first\n\n  second\t" + "x" * 5_000, actor="anna"), "r")

    words = event_words(decode(line_of(event)))

    assert words.startswith("anna: first second xxx")
    assert words.endswith("x…")
    assert len(words) == 300


def test_an_event_that_is_not_known_shows_its_payload() -> None:
    """Nothing in the log is hidden because this version does not understand it."""
    line = (GOLDEN / "stage_started.v1.jsonl").read_bytes().splitlines()[0]
    checked = line.rpartition(b',"crc":')[0].replace(b"stage_started", b"stage_resumed")
    event = decode(b'%b,"crc":"%08x"}' % (checked, zlib.crc32(checked)))

    assert event_words(event) == (
        '{"stage": "load/orders", "attempt": 2} (unknown type \'stage_resumed\')'
    )
