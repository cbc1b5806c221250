"""Every schema version that was ever written is read into today's model, for ever.

``tests/golden/schema_versions`` holds lines as they were written at each version of each type. A
golden file is never changed: a new version gets a new file, and a step in
``ledger/line/upcasters.py``.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ledger.events import EVENT_TYPES, UnreadData
from ledger.line.codec import decode_envelope
from ledger.line.decoding import decode
from ledger.line.upcasters import UPCASTERS, Upcaster, upcast

GOLDEN = Path(__file__).parents[2] / "golden" / "schema_versions"
VERSIONS = [
    (event_type, version)
    for event_type, model in EVENT_TYPES.items()
    for version in range(1, model.schema_version + 1)
]


def golden_lines(event_type: str, version: int) -> list[bytes]:
    """Read the golden lines of one schema version."""
    data = (GOLDEN / f"{event_type}.v{version}.jsonl").read_bytes()
    assert data.endswith(b"\n")
    return data.split(b"\n")[:-1]


def payload_of(line: bytes) -> bytes:
    """Give the payload of a line as the bytes it is."""
    return bytes(decode_envelope(line).data)


@pytest.mark.parametrize(("event_type", "version"), VERSIONS)
def test_each_schema_version_reads_into_the_model_of_today(event_type: str, version: int) -> None:
    """Whoever wrote a line, and when, it is read with all it says."""
    for line in golden_lines(event_type, version):
        event = decode(line)

        assert (event.type, event.schema_version) == (event_type, version)
        assert isinstance(event.data, EVENT_TYPES[event_type])


@pytest.mark.parametrize(("event_type", "version"), VERSIONS)
def test_the_golden_lines_fill_every_field(event_type: str, version: int) -> None:
    """A field that no golden line fills could be lost on reading, and nobody would see it."""
    payloads = [msgspec.json.decode(payload_of(line)) for line in golden_lines(event_type, version)]
    filled = {key for payload in payloads for key, value in payload.items() if value}

    assert filled == {key for payload in payloads for key in payload}
    if version == EVENT_TYPES[event_type].schema_version:
        assert filled == set(EVENT_TYPES[event_type].model_fields)


@pytest.mark.parametrize(
    ("event_type", "version"),
    [(name, model.schema_version) for name, model in EVENT_TYPES.items()],
)
def test_what_is_written_today_is_what_the_golden_lines_say(event_type: str, version: int) -> None:
    """A payload that is written otherwise than before needs a new schema version."""
    for line in golden_lines(event_type, version):
        data = decode(line).data
        assert not isinstance(data, UnreadData)

        assert data.model_dump_json().encode() == payload_of(line)


def test_there_is_a_golden_file_for_each_version_and_no_other() -> None:
    """A version that was dropped from the code would leave its file behind."""
    names = {path.name for path in GOLDEN.iterdir()}

    assert names == {f"{event_type}.v{version}.jsonl" for event_type, version in VERSIONS}


def test_there_is_a_step_from_each_old_version_and_no_other() -> None:
    """Each version but the last of its type leads to the next."""
    old = {
        (event_type, version)
        for event_type, version in VERSIONS
        if version < EVENT_TYPES[event_type].schema_version
    }

    assert set(UPCASTERS) == old


def _name_the_unit(data: dict[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in data.items() if key != "elapsed"}
    return {**rest, "elapsed_seconds": data["elapsed"]}


def _take_seconds(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "elapsed_seconds": data["elapsed_seconds"] / 1000}


STEPS: dict[tuple[str, int], Upcaster] = {
    ("stage_stopped", 1): _name_the_unit,
    ("stage_stopped", 2): _take_seconds,
    ("stage_failed", 1): lambda data: {**data, "other": True},
}
NEWEST = {"stage": "a", "elapsed_seconds": 1.5}


@pytest.mark.parametrize(
    ("version", "payload"),
    [
        (1, {"stage": "a", "elapsed": 1500}),
        (2, {"stage": "a", "elapsed_seconds": 1500}),
        (3, {"stage": "a", "elapsed_seconds": 1.5}),
    ],
)
def test_an_old_payload_takes_each_step_from_its_version_on(
    version: int, payload: dict[str, Any]
) -> None:
    """Each step sees what the one before it made; those of other types are not asked."""
    before = copy.deepcopy(payload)

    assert upcast("stage_stopped", version, payload, STEPS, current=3) == NEWEST
    assert payload == before


@pytest.mark.parametrize("version", [-1, 0, 4, 99])
def test_a_version_outside_the_chain_is_refused(version: int) -> None:
    """There is no way from a version that never was, nor back from a newer one."""
    with pytest.raises(LookupError):
        upcast("stage_stopped", version, dict(NEWEST), STEPS, current=3)


def test_a_chain_with_a_missing_step_is_refused() -> None:
    """A payload is led to the newest version or not at all."""
    steps = {("stage_stopped", 1): _name_the_unit}

    with pytest.raises(LookupError):
        upcast("stage_stopped", 1, {"stage": "a", "elapsed": 1500}, steps, current=3)


def test_the_version_to_reach_is_that_of_the_model() -> None:
    """Where nothing else is asked for, a payload of today stays as it is."""
    payload = {"stage": "a", "attempt": 1, "elapsed_seconds": 1.5}

    assert upcast("stage_stopped", 1, payload) == payload
    with pytest.raises(LookupError):
        upcast("stage_stopped", EVENT_TYPES["stage_stopped"].schema_version + 1, payload)
