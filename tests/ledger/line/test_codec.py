"""The line: what lies in the log byte by byte, and every way in which it may be wrong."""

from __future__ import annotations

import json
import zlib
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import BadLine, EventTooLarge, InvalidEvent
from ledger.events import (
    EVENT_TYPES,
    FailureAcknowledged,
    NewEvent,
    RunAnnotated,
    StageStarted,
    UnreadData,
)
from ledger.line.codec import (
    MAX_LINE,
    ZERO_HASH,
    decode_envelope,
    encode_body,
    encode_line,
    leaf_hash,
)
from ledger.line.decoding import decode
from ledger.line.upcasters import upcast
from ledger.plain_values import utc_text
from tests.ledger.examples import acknowledgement, event_id, run_annotated, stage_started
from tests.ledger.strategies import event_data, valid_events
from tests.ledger.witness import KEYS

RECORDED_AT = "2026-01-15T10:00:01.000002Z"
STAGE_STARTED = NewEvent(
    StageStarted(stage="load/orders", attempt=2),
    "run-1",
    event_id(7),
    datetime(2026, 1, 15, 10, 0, 0, 123456, tzinfo=UTC),
)


def line_of(event: NewEvent, *, position: int = 7, sequence: int = 3, rest: int = 0) -> bytes:
    """Encode an event at a place of no importance, without the newline."""
    line = encode_line(
        encode_body(event),
        position=position,
        prev="ab" * 32,
        sequence=sequence,
        rest=rest,
        recorded_at=RECORDED_AT,
    )
    assert line.endswith(b"\n")
    return line[:-1]


def sealed(checked: bytes) -> bytes:
    """End a line by the right CRC, whatever it says."""
    return b'%b,"crc":"%08x"}' % (checked, zlib.crc32(checked))


def resealed(**changed: Any) -> bytes:
    """Change some keys of a sound line and make its CRC right again."""
    value = json.loads(line_of(STAGE_STARTED)) | changed
    del value["crc"]
    return sealed(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()[:-1])


def with_data(data: bytes, event_type: bytes = b"stage_started") -> bytes:
    """Put other bytes in the place of a sound line's payload, and make its CRC right again."""
    checked = line_of(STAGE_STARTED).rpartition(b',"crc":')[0]
    head = checked[: checked.index(b',"data":')]
    return sealed(head.replace(b"stage_started", event_type) + b',"data":' + data)


@given(valid_events(), st.integers(1, 2**62), st.integers(0, 99))
def test_every_event_comes_back_as_it_was(event: NewEvent, position: int, rest: int) -> None:
    """Encoding and decoding any event of any type gives the same values again."""
    sequence = 0 if event.run_id is None else 5
    line = line_of(event, position=position, sequence=sequence, rest=rest)

    recorded = decode(line)

    assert (recorded.data, recorded.run_id) == (event.data, event.run_id)
    assert (recorded.event_id, recorded.occurred_at) == (event.event_id, event.occurred_at)
    assert (recorded.position, recorded.sequence, recorded.rest) == (position, sequence, rest)
    assert recorded.type == event.data.type
    assert utc_text(recorded.recorded_at) == RECORDED_AT
    assert (recorded.line, recorded.leaf) == (line, leaf_hash(line))


@given(valid_events())
def test_a_line_is_one_json_object_with_its_keys_in_order(event: NewEvent) -> None:
    """Any JSON reader finds the twelve keys in the order of the format, on one line."""
    line = line_of(event)

    pairs = json.loads(line, object_pairs_hook=list)

    assert [key for key, _ in pairs] == KEYS
    assert b"\n" not in line
    assert b"\r" not in line


def test_a_line_is_exactly_these_bytes() -> None:
    """The layout has no spaces, UTC times with microseconds, and the CRC last."""
    line = line_of(STAGE_STARTED)

    checked = (
        b'{"position":7,"prev":"' + b"ab" * 32 + b'",'
        b'"event_id":"00000000-0000-4000-8000-000000000007","run_id":"run-1","sequence":3,'
        b'"rest":0,"type":"stage_started","schema_version":1,'
        b'"occurred_at":"2026-01-15T10:00:00.123456Z",'
        b'"recorded_at":"2026-01-15T10:00:01.000002Z",'
        b'"data":{"stage":"load/orders","attempt":2}'
    )
    assert line == checked + b',"crc":"%08x"}' % zlib.crc32(checked)


def test_an_event_of_no_run_has_a_null_run_id() -> None:
    """The run_id is the JSON null, not the text."""
    line = line_of(acknowledgement(), sequence=0)

    assert b'"run_id":null,"sequence":0,' in line
    assert decode(line).run_id is None


def test_the_crc_is_eight_digits_even_when_it_begins_with_zeros() -> None:
    """Leading zeros stay, so the suffix of a line always has the same width."""
    lines = (line_of(run_annotated("r"), position=number) for number in range(1, 10_000))
    with_zero = next(line for line in lines if line[-10:-9] == b"0")

    assert with_zero[-18:].startswith(b',"crc":"0')
    assert decode(with_zero).run_id == "r"


def test_each_flipped_bit_is_refused() -> None:
    """No line with one wrong bit, at any place, passes for a line."""
    line = line_of(STAGE_STARTED)

    for index in range(len(line) * 8):
        flipped = bytearray(line)
        flipped[index // 8] ^= 1 << (index % 8)
        with pytest.raises(BadLine):
            decode_envelope(bytes(flipped))


@given(st.data())
def test_a_shortened_line_is_refused(data: st.DataObject) -> None:
    """A line that lacks bytes at its end never passes for a line."""
    line = line_of(STAGE_STARTED)
    kept = data.draw(st.integers(0, len(line) - 1))

    with pytest.raises(BadLine):
        decode_envelope(line[:kept])


def test_a_line_takes_at_most_65535_bytes_with_its_newline() -> None:
    """One byte more is refused, however sound the line is."""
    room = MAX_LINE - 1 - len(with_data(b'{"note":""}', b"annotated_x"))
    longest = with_data(b'{"note":"%b"}' % (b"x" * room), b"annotated_x")
    longer = with_data(b'{"note":"%b"}' % (b"x" * (room + 1)), b"annotated_x")

    assert len(longest) + 1 == MAX_LINE
    assert decode(longest).type == "annotated_x"
    with pytest.raises(BadLine, match="65536 bytes; the limit is 65535"):
        decode(longer)


def test_an_event_over_the_limit_is_refused_before_it_becomes_a_line() -> None:
    """The error carries the size and the limit."""
    event = NewEvent(RunAnnotated(metadata={"text": "x" * MAX_LINE}, actor="anna"), "r")

    with pytest.raises(EventTooLarge) as caught:
        encode_body(event)

    assert caught.value.size > caught.value.limit == MAX_LINE


@given(event_data, st.integers(1, 100))
def test_what_a_body_says_of_its_size_is_never_too_little(data: Any, run_length: int) -> None:
    """The size checked before the append bounds the line that is written."""
    run_id = "r" * run_length
    event = NewEvent(data, None if data.type in EVENT_TYPES and "ledger" in data.type else run_id)
    if isinstance(data, FailureAcknowledged):
        event = NewEvent(data)

    assert len(line_of(event, position=2**63, sequence=2**63, rest=9999)) < encode_body(event).size


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"type": "run_teleported"}, "unknown type 'run_teleported'"),
        ({"schema_version": 2}, "unknown schema version 2"),
        ({"schema_version": 0}, "unknown schema version 0"),
        ({"schema_version": -1}, "unknown schema version -1"),
        ({"data": {"stage": "load"}}, "data.attempt: it is missing"),
        ({"data": {"stage": "../etc", "attempt": 1}}, "data.stage"),
        ({"data": {"stage": "a", "attempt": 1, "more": 1}}, "data.more"),
        ({"data": {}}, "data.stage"),
    ],
)
def test_a_payload_that_is_not_known_is_kept(changed: dict[str, Any], reason: str) -> None:
    """A newer type, a newer version or an odd payload is read as it is, with the reason."""
    recorded = decode(resealed(**changed))

    assert isinstance(recorded.data, UnreadData)
    assert reason in recorded.data.reason
    assert recorded.data.value == changed.get("data", {"stage": "load/orders", "attempt": 2})
    assert recorded.position == 7


@pytest.mark.parametrize("event_type", [b"stage_started", b"run_teleported"])
@pytest.mark.parametrize("digits", ["-1e400", "-" + "7" * 5_000])
def test_a_number_that_python_does_not_hold_is_kept_by_its_digits(
    event_type: bytes, digits: str
) -> None:
    """Another writer may not have refused it: the event is unread, and the log goes on."""
    data = '{"stage":"a","attempt":%s,"x":[1.5,%d]}' % (digits, 2**80)  # noqa: UP031 - braces
    recorded = decode(with_data(data.encode(), event_type))

    assert isinstance(recorded.data, UnreadData)
    assert recorded.data.value == {"stage": "a", "attempt": digits, "x": [1.5, 2**80]}


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\x00" * 400,
        b"hello",
        b"{}",
        sealed(b""),
        sealed(b"hello"),
        sealed(b"{"),
        sealed(b'{"position":7'),
        sealed(b"[1"),
        sealed(b"\xff\xfe"),
        line_of(STAGE_STARTED) + b" ",
        b" " + line_of(STAGE_STARTED),
        line_of(STAGE_STARTED).replace(b'"crc"', b'"CRC"'),
    ],
    ids=repr,
)
def test_what_is_no_line_is_refused(line: bytes) -> None:
    """Bytes that are not one JSON object of the format give BadLine and nothing else."""
    with pytest.raises(BadLine):
        decode(line)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"rest":0', b'"rest":0,"rest":0'),
        (b'"rest":0', b'"rest":1,"rest":0'),
        (b'"sequence":3,"rest":0', b'"rest":0,"sequence":3'),
        (b',"rest"', b', "rest"'),
        (b'"rest":0', b'"rest": 0'),
        (b'"data":{', b'"data": {'),
        (b'"attempt":', b'"attempt": '),
        (b'"attempt":', b'"attempt"\t:'),
        (b',"attempt"', b',\r"attempt"'),
        (b'"run-1"', rb'"run-\u0031"'),
        (b'{"position"', b' {"position"'),
    ],
    ids=repr,
)
def test_a_line_written_in_another_way_is_refused(old: bytes, new: bytes) -> None:
    """The same values with a key doubled or moved, or with white space, are no line of the log."""
    line = line_of(STAGE_STARTED)
    assert old in line
    checked = line[: -len(',"crc":"00000000"}')].replace(old, new, 1)

    with pytest.raises(BadLine):
        decode(sealed(checked))


@pytest.mark.parametrize(
    "changed",
    [
        {"position": "7"},
        {"position": 7.5},
        {"position": None},
        {"prev": 1},
        {"event_id": None},
        {"run_id": 5},
        {"sequence": "3"},
        {"rest": None},
        {"type": 1},
        {"schema_version": "1"},
        {"occurred_at": "yesterday"},
        {"occurred_at": "2026-01-15T10:00:00.123456"},
        {"recorded_at": "2026-01-15T10:00:00"},
        {"recorded_at": "2026-13-15T10:00:00.000000Z"},
        {"occurred_at": "2026-01-15 10:00:00.000000Z"},
        {"recorded_at": 1},
        {"data": []},
        {"data": None},
        {"data": "text"},
        {"type": "run_teleported", "data": 1},
        {"more": 1},
    ],
    ids=repr,
)
def test_a_key_of_the_wrong_kind_is_refused(changed: dict[str, Any]) -> None:
    """Each key has its kind, and there are no others; a right CRC does not help."""
    with pytest.raises(BadLine):
        decode(resealed(**changed))


@pytest.mark.parametrize("missing", KEYS[:-1])
def test_a_missing_key_is_refused(missing: str) -> None:
    """A line without one of the twelve keys is not a line."""
    value = json.loads(line_of(STAGE_STARTED))
    del value["crc"], value[missing]

    with pytest.raises(BadLine):
        decode(sealed(json.dumps(value, separators=(",", ":")).encode()[:-1]))


@pytest.mark.parametrize("event_type", [b"stage_started", b"run_teleported"])
@pytest.mark.parametrize(
    "data",
    [
        b'{"x":NaN}',
        b'{"x":Infinity}',
        b'{"x":"\xff"}',
        b'{"\xc3\x28":1}',
        b'{"x":"\\ud800"}',
        b'{"x":"\\q"}',
        b'{"x":01}',
        b'{"x":"\x01"}',
        b'{"x":1',
        b"{'x':1}",
        b'{"x":' + b"[" * 5000 + b"]" * 5000 + b"}",
    ],
    ids=lambda data: repr(data[:20]),
)
def test_a_payload_that_is_not_json_is_refused(event_type: bytes, data: bytes) -> None:
    """Bad bytes in a payload give BadLine, for types that are known and for others."""
    with pytest.raises(BadLine):
        decode(with_data(data, event_type))


@settings(max_examples=300)
@given(st.binary(max_size=60) | st.text(max_size=40).map(str.encode))
def test_any_bytes_give_an_event_or_a_bad_line(noise: bytes) -> None:
    """Whatever stands in the place of a payload, decoding ends in an event or in BadLine."""
    for line in (sealed(noise), with_data(noise), with_data(b'{"x":%b}' % noise, b"unknown")):
        try:
            recorded = decode(line)
        except BadLine:
            continue
        assert recorded.line == line


@pytest.mark.parametrize(
    "run_id",
    [
        "",
        ".",
        "..",
        "../x",
        "a/b",
        "/",
        "a\\b",
        "-a",
        "_a",
        ":a",
        "a b",
        "a\n",
        "\na",
        "a\x00",
        "a\x1b",
        "ä",
        "a" * 129,
        "\ud800",
    ],
)
def test_a_run_id_that_is_no_identifier_is_refused(run_id: str) -> None:
    """What could climb out of a folder or confuse a terminal never becomes a run id."""
    with pytest.raises(InvalidEvent) as caught:
        encode_body(stage_started(run_id))

    assert caught.value.field == "run_id"


@pytest.mark.parametrize("run_id", ["a", "0", "A.b_c:d-e", "a" * 128, "a..", "nightly-2026:1"])
def test_a_run_id_that_is_an_identifier_is_taken(run_id: str) -> None:
    """Up to 128 letters, digits, dots, underscores, colons and dashes are fine."""
    assert encode_body(stage_started(run_id)).run_id == run_id


@pytest.mark.parametrize("bad", ["", "x", event_id(0xABC).upper(), event_id(1) + "\n", "1" * 36])
def test_an_event_id_is_a_lower_case_uuid(bad: str) -> None:
    """Anything else is refused, so that one id has one spelling."""
    with pytest.raises(InvalidEvent) as caught:
        encode_body(NewEvent(StageStarted(stage="a", attempt=1), "r", bad))

    assert caught.value.field == "event_id"


def test_a_naive_time_is_refused() -> None:
    """Nobody can tell later which zone it was in."""
    naive = datetime(2026, 1, 15, 10, 0)  # noqa: DTZ001 - it is what the test is about

    with pytest.raises(InvalidEvent) as caught:
        encode_body(NewEvent(StageStarted(stage="a", attempt=1), "r", event_id(1), naive))

    assert caught.value.field == "occurred_at"


def test_a_time_that_is_none_in_utc_is_refused() -> None:
    """The first morning of the calendar in the east was no day in UTC."""
    early = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=9)))

    with pytest.raises(InvalidEvent) as caught:
        encode_body(NewEvent(StageStarted(stage="a", attempt=1), "r", event_id(1), early))

    assert caught.value.field == "occurred_at"


def test_whether_an_event_has_a_run_follows_from_its_type() -> None:
    """An event of a run needs one, and an event of no run may have none."""
    with pytest.raises(InvalidEvent, match="belongs to a run"):
        encode_body(NewEvent(StageStarted(stage="a", attempt=1)))
    with pytest.raises(InvalidEvent, match="belongs to no run"):
        encode_body(NewEvent(acknowledgement().data, "r"))


def test_the_leaf_hash_is_that_of_rfc_6962() -> None:
    """The hash of the empty entry is the one every other implementation gives."""
    assert leaf_hash(b"") == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert len(ZERO_HASH) == 64


def test_an_old_payload_is_led_step_by_step_to_the_newest() -> None:
    """Each step sees what the one before it made."""
    steps = {
        ("stage_started", 0): lambda data: {**data, "seen": [0]},
        ("stage_started", 1): lambda data: {**data, "seen": [*data["seen"], 1]},
    }

    assert upcast("stage_started", 1, {"stage": "a"}, steps) == {"stage": "a"}
    with pytest.raises(LookupError):
        upcast("stage_started", 0, {}, steps)
    with pytest.raises(LookupError):
        upcast("stage_started", 2, {}, steps)
