"""The lean event of the folds: whatever a line says, it says what the codec says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from ledger.errors import BadLine
from ledger.events import EVENT_TYPES, EventData, NewEvent, UnreadData
from ledger.line.codec import ZERO_HASH, Body, encode_body, encode_line
from ledger.line.decoding import decode
from ledger.line.replayed import (
    ReplayedEvent,
    decode_replayed,
    decode_together,
    is_unread,
    struct_of,
)
from ledger.plain_values import utc_text
from tests.golden_ledger import GOLDEN
from tests.ledger.damaged_logs import forge
from tests.ledger.strategies import event_data, valid_events

SCHEMA_VERSIONS = Path(__file__).parents[2] / "golden" / "schema_versions"
MOMENT = "2026-01-15T10:00:00.123456Z"
RECORDED = "2026-01-15T10:00:01.000000Z"
ENVELOPE = ("position", "event_id", "run_id", "sequence", "schema_version", "type")


def line_of(body: Body, *, occurred_at: str | None = None) -> bytes:
    """Write a line at any place."""
    if occurred_at is not None:
        body = msgspec.structs.replace(body, occurred_at=occurred_at)
    line = encode_line(body, position=17, prev=ZERO_HASH, sequence=3, rest=0, recorded_at=RECORDED)
    return line[:-1]


def line_with(event_type: str, version: int, payload: object) -> bytes:
    """Write a line with any payload."""
    data = msgspec.json.encode(payload)
    return line_of(Body(f"{0:032x}", "run-1", event_type, version, MOMENT, data))


def plain(value: Any) -> object:
    """Spell a payload out, so that 1, 1.0 and True differ, and a tuple and a list."""
    if isinstance(value, BaseModel):
        return {name: plain(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, msgspec.Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    return utc_text(value) if isinstance(value, datetime) else repr(value)


def told_by(decode_line: Callable[[bytes], Any], line: bytes) -> object:
    """Give all that a decoder makes of a line, or its error."""
    try:
        event = decode_line(line)
    except BadLine as error:
        return error.reason
    times = [utc_text(event.occurred_at), utc_text(event.recorded_at)]
    if isinstance(event, ReplayedEvent):
        assert [event.occurred_text, event.recorded_text] == times
    unread = isinstance(event.data, UnreadData)
    return [getattr(event, name) for name in ENVELOPE], times, unread, plain(event.data)


def assert_agree(line: bytes) -> None:
    """Check that all decoders make the same of a line."""
    expected = told_by(decode, line)
    assert told_by(decode_replayed, line) == expected
    assert told_by(lambda one: decode_together([line, one])[1], line) == expected


@settings(max_examples=200)
@given(valid_events())
def test_it_says_what_the_model_says(event: NewEvent) -> None:
    """Attribute by attribute and type by type, for whatever the codec writes of any event."""
    line = line_of(encode_body(event))

    assert_agree(line)

    replayed = decode_replayed(line)
    assert not is_unread(replayed)
    assert plain(replayed.data) == plain(event.data)
    assert type(replayed.data) is struct_of(type(event.data))


def test_every_golden_line_is_read_alike() -> None:
    """Every type at every version that was ever written, and the whole golden log at once."""
    lines = GOLDEN.read_bytes().splitlines()
    for path in SCHEMA_VERSIONS.iterdir():
        lines += path.read_bytes().splitlines()
    assert {decode_replayed(line).type for line in lines} == set(EVENT_TYPES)

    for line in lines:
        assert_agree(line)

    together = [plain(event) for event in decode_together(lines)]
    assert together == [plain(decode_replayed(line)) for line in lines]


@pytest.mark.parametrize("model", EVENT_TYPES.values(), ids=lambda model: model.type)
def test_the_struct_has_the_fields_and_defaults_of_the_model(model: type[EventData]) -> None:
    """The model is the only definition: nothing is missing, renamed or defaulted otherwise."""
    struct = struct_of(model)
    fields = {field.name: field for field in msgspec.structs.fields(struct)}

    assert list(fields) == list(model.model_fields)
    for name, info in model.model_fields.items():
        assert fields[name].required is info.is_required()
        if not info.is_required():
            made = fields[name]
            factory = made.default_factory
            default = made.default if factory is msgspec.NODEFAULT else factory()
            assert repr(default) == repr(info.get_default(call_default_factory=True))


def test_a_field_that_was_left_out_has_its_default() -> None:
    """Also where two events are decoded: they share no dictionary that could be changed."""
    line = line_with("run_annotated", 1, {"actor": "anna"})

    first, second = decode_together([line, line])

    assert (first.data.metadata, first.data.note) == ({}, None)
    assert first.data.metadata is not second.data.metadata
    assert_agree(line)


@pytest.mark.parametrize("version", [-1, 0, 2, 2**63])
@pytest.mark.parametrize("event_type", ["run_started", "stage_failed"])
def test_an_unknown_version_is_kept_unread(event_type: str, version: int) -> None:
    """With its value and the reason that the codec gives."""
    line = line_with(event_type, version, {"x": [1, 1.0, None]})

    assert_agree(line)

    event = decode_replayed(line)
    assert is_unread(event)
    assert (event.type, event.data.value) == (event_type, {"x": [1, 1.0, None]})


@pytest.mark.parametrize("event_type", ["stage_paused", "", "Run_started", "ü"])
def test_an_unknown_type_is_kept_unread(event_type: str) -> None:
    """Its name stands where that of a known one does."""
    line = line_with(event_type, 1, {"stage": "load"})

    assert_agree(line)
    assert (decode_replayed(line).type, is_unread(decode_replayed(line))) == (event_type, True)


@pytest.mark.parametrize("payload", [None, [], "x", 5, True, [{}]])
@pytest.mark.parametrize("event_type", ["stage_paused", "run_ended"])
def test_a_payload_that_is_no_object_is_damage(event_type: str, payload: object) -> None:
    """It is not what the format says, whatever the type."""
    line = line_with(event_type, 1, payload)

    with pytest.raises(BadLine, match="data is not an object"):
        decode_replayed(line)
    assert_agree(line)


# No texts that break the pattern of an identifier: what passed it once is not checked again.
NUMBERS = [0, 1, -1, 1.0, 1.5, -0.5, 2**63, 1768471200]
TEXTS = ["1", "x", "1.5", "true", "success", MOMENT, MOMENT[:-1], "2026-01-15"]
OTHERS = [None, True, False, [], ["x"], [1], {}, {"x": 1}, {"type": "x", "message": "y"}]
ODD: st.SearchStrategy[object] = st.sampled_from([*NUMBERS, *TEXTS, *OTHERS])


@st.composite
def odd_payloads(draw: st.DrawFn) -> tuple[str, object]:
    """Draw a payload with a field that is missing, one too many, or one of another kind."""
    data = draw(event_data)
    payload = msgspec.json.decode(data.model_dump_json())
    place = payload
    nested = [value for value in payload.values() if isinstance(value, dict) and value]
    models = [value for value in nested if {"host", "message", "run_id"} & set(value)]
    if models:
        place = draw(st.sampled_from([payload, *models]))
    name = draw(st.sampled_from([*place, "extra"]))
    if draw(st.integers(0, 3)) == 3:
        place.pop(name, None)
    else:
        place[name] = draw(ODD)
    return data.type, payload


@settings(max_examples=400)
@given(odd_payloads())
@example(("stage_started", {"stage": "load", "attempt": 1.0}))
@example(("stage_started", {"stage": "load", "attempt": "1"}))
@example(("stage_started", {"stage": "load", "attempt": True}))
@example(("stage_stopped", {"stage": "load", "attempt": 1, "elapsed_seconds": 1}))
@example(("stage_stopped", {"stage": "load", "attempt": 1, "elapsed_seconds": -1}))
@example(("run_ended", {"result": "succes", "elapsed_seconds": 0}))
def test_an_odd_payload_is_taken_alike(odd: tuple[str, object]) -> None:
    """Coerced where the model coerces, kept unread where it refuses, for the same reason."""
    event_type, payload = odd
    assert_agree(line_with(event_type, 1, payload))


def test_a_time_in_a_payload_needs_its_zone() -> None:
    """One without is not taken, and one of another zone is the same moment."""
    for line in (SCHEMA_VERSIONS / "run_imported.v1.jsonl").read_bytes().splitlines():
        started_at = decode(line).data.summary.started_at  # type: ignore[union-attr]
        text = b'"started_at":"' + utc_text(started_at).encode()
        naive = forge(line, text, text[:-1])
        elsewhere = forge(line, text, text[:-1] + b"+02:00")
        assert line not in (naive, elsewhere)

        assert is_unread(decode_replayed(naive))
        assert not is_unread(decode_replayed(elsewhere))
        assert_agree(naive)
        assert_agree(elsewhere)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-15T10:00:00.123456z",
        "2026-01-15t10:00:00.123456Z",
        "2026-01-15 10:00:00.123456Z",
        "2026-01-15T10:00:00,123456Z",
        "2026-01-15T10:00:00.12345Z",
        "2026-01-15T10:00:00.1234567Z",
        "2026-01-15T10:00:00Z",
        "2026-01-15T10:00:00.123456",
        "2026-01-15T10:00:00.1234567",
        "2026-01-15T10:00:00.1+00:00",
        "2026-01-15T100000.12345678Z",
        "2026-W03-4T10:00:00.123456Z",
        "20260115T10:00:00.12345678Z",
        "2026-01-15T24:00:00.000000Z",
        "2026-01-15T23:59:60.000000Z",
        "2026-13-15T10:00:00.123456Z",
        "2026-02-29T10:00:00.123456Z",
        "0000-01-15T10:00:00.123456Z",
        "0001-01-01T00:00:00.000000Z",
        "9999-12-31T23:59:59.999999Z",
        "10000-01-15T10:00:00.12345Z",
        "-026-01-15T10:00:00.123456Z",
        "\uff12\uff10\uff12\uff16-01-15T10:00:00.123456Z",
        "2026-01-15T10:00:00.1,3456Z",
        '2026-01-15T10:00:00\\",\\"456Z',
        "                          Z",
        "",
    ],
)
@pytest.mark.parametrize("field", ["occurred_at", "recorded_at"])
def test_an_odd_time_is_taken_alike(field: str, text: str) -> None:
    """As the time that it is, written as the log writes times, or as damage for the same reason."""
    body = encode_body(NewEvent(EXAMPLE, "run-1"))
    line = line_of(body, occurred_at=MOMENT)
    known = MOMENT if field == "occurred_at" else RECORDED

    assert_agree(forge(line, f'"{field}":"{known}"'.encode(), f'"{field}":"{text}"'.encode()))


EXAMPLE = EVENT_TYPES["stage_started"].model_validate({"stage": "load", "attempt": 1})


def test_a_line_that_is_none_is_refused_alike() -> None:
    """Bytes that are no JSON, or no line of the format, have the error of the codec."""
    for raw in (b"", b"{}", b"null", b"\xff\x00", b"[" * 1000):
        line = forge(raw + b',"crc":"00000000"}', b"", b"")
        with pytest.raises(BadLine):
            decode_replayed(line)
        assert_agree(line)


def test_one_odd_line_among_many_changes_nothing_for_the_others() -> None:
    """Decoded together or one by one, the events are the same, in their order."""
    good = line_of(encode_body(NewEvent(EXAMPLE, "run-1")))
    odd = line_with("stage_paused", 1, {})

    for lines in ([good, odd, good], [odd], [good, good], []):
        together = decode_together(lines)
        assert [plain(one) for one in together] == [plain(decode_replayed(line)) for line in lines]
    with pytest.raises(BadLine):
        decode_together([good, b"x", good])
