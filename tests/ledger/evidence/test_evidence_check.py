"""What is refused as evidence: lies in a well-formed file, malformed files, and hostile bytes."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import LogReader
from ledger.errors import BadEvidence, LedgerError, NotProven
from ledger.evidence.evidence_check import check_evidence
from ledger.evidence.evidence_file import MAX_EVIDENCE, make_evidence
from ledger.evidence.signed_note import SigningKey
from ledger.evidence.tree_head import origin_of
from tests.ledger.forging import LONG_AGO, altered, log_of_two_runs, rechained

Changed = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a log with two runs in each other's way, once."""
    return log_of_two_runs(tmp_path_factory.mktemp("log") / "log")


@pytest.fixture(scope="module")
def key(made: Path) -> SigningKey:
    """Make the key of the log."""
    return SigningKey.generate(origin_of(LogReader(made).identity))


@pytest.fixture(scope="module")
def evidence(made: Path, key: SigningKey) -> bytes:
    """Make signed evidence of a run, once."""
    data = make_evidence(LogReader(made), "run-1", key=key)
    assert data is not None
    return data


def changed(data: bytes, change: Changed) -> bytes:
    """Change the values of an evidence file."""
    value = json.loads(data)
    change(value)
    return json.dumps(value).encode()


def _cut_last(value: dict[str, Any]) -> None:
    value["events"][0]["proof"].pop()


def _swap(value: dict[str, Any]) -> None:
    value["events"][:2] = value["events"][1::-1]


def _alter_line(value: dict[str, Any]) -> None:
    event = value["events"][0]
    event["line"] = altered(event["line"].encode(), occurred_at=LONG_AGO).decode()


def _other_run(value: dict[str, Any]) -> None:
    for event in value["events"]:
        event["line"] = altered(event["line"].encode(), run_id="run-2").decode()
    value["run_id"] = "run-2"


def _renumber(value: dict[str, Any]) -> None:
    lines = rechained(event["line"].encode() for event in value["events"])
    for index, (event, line) in enumerate(zip(value["events"], lines, strict=True)):
        event.update(leaf_index=index, line=line.decode())


def _double_key(value: dict[str, Any]) -> None:
    event = value["events"][0]
    line = event["line"].replace('"sequence":1', '"sequence":2,"sequence":1')
    event["line"] = _resealed(line)


def _reorder_keys(value: dict[str, Any]) -> None:
    event = value["events"][0]
    line = event["line"].replace('"sequence":1,"rest":0', '"rest":0,"sequence":1')
    event["line"] = _resealed(line)


def _resealed(line: str) -> str:
    checked = line.rpartition(',"crc":')[0]
    return f'{checked},"crc":"{zlib.crc32(checked.encode()):08x}"}}'


def _set(**values: Any) -> Changed:
    return lambda value: value.update(values)


def _set_event(**values: Any) -> Changed:
    return lambda value: value["events"][1].update(values)


REFUTED: dict[str, Changed] = {
    "the first event left out": lambda value: value["events"].pop(0),
    "an event left out": lambda value: value["events"].pop(2),
    "an event twice": lambda value: value["events"].insert(1, value["events"][0]),
    "events swapped": _swap,
    "a line changed": _alter_line,
    "another run": _other_run,
    "another run's name": _set(run_id="run-2"),
    "lines chained anew": _renumber,
    "a key twice in a line": _double_key,
    "a line's keys in another order": _reorder_keys,
    "a line that is none": _set_event(line="{}"),
    "another leaf index": _set_event(leaf_index=5),
    "a negative leaf index": _set_event(leaf_index=-1),
    "a huge leaf index": _set_event(leaf_index=2**63),
    "no proof": _set_event(proof=[]),
    "a proof too short": _cut_last,
    "a proof too long": lambda value: value["events"][0]["proof"].append("00" * 32),
    "a proof without end": _set_event(proof=["00" * 32] * 100_000),
    "a proof of no hashes": _set_event(proof=["zz"]),
    "a proof of short hashes": _set_event(proof=["00"] * 10),
    "a signature that is said not to be there": _set(signed=False),
}


@pytest.mark.parametrize("change", REFUTED.values(), ids=REFUTED)
def test_evidence_that_does_not_hold_is_refused(
    evidence: bytes, key: SigningKey, change: Changed
) -> None:
    """Each lie in a well-formed file is caught, with the key and without it."""
    wrong = changed(evidence, change)

    for pinned in (key.verifier_key, None):
        with pytest.raises(NotProven):
            check_evidence(wrong, pinned)


MALFORMED: dict[str, Changed] = {
    "another format": _set(format="other"),
    "a later version": _set(version=2),
    "a version that is no number": _set(version=True),
    "no events": _set(events=[]),
    "events that are no list": _set(events={"0": 1}),
    "an event that is no object": _set(events=[1]),
    "a field too many": _set(more=1),
    "a field too many in an event": _set_event(more=1),
    "a leaf index that is text": _set_event(leaf_index="1"),
    "a leaf index that is a fraction": _set_event(leaf_index=1.5),
    "a line that is no text": _set_event(line=None),
    "a line with a lone surrogate": _set_event(line="\ud800"),
    "a proof that is text": _set_event(proof="00" * 32),
    "no run id": _set(run_id=None),
    "a run id that is none": _set(run_id="../x"),
    "a tree head that is none": _set(tree_head="x"),
    "a field missing": lambda value: value.pop("signed"),
}


@pytest.mark.parametrize("change", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_evidence_file_is_refused(evidence: bytes, change: Changed) -> None:
    """Wrong types, wrong formats, and fields that are missing or too many."""
    with pytest.raises(BadEvidence):
        check_evidence(changed(evidence, change))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff\xfe{}",
        b"\xef\xbb\xbf{}",
        b"[" * 1_000_000,
        b'{"a":' * 1_000_000,
        b'{"format":"runfold-evidence","version":' + b"9" * 100_000 + b"}",
        b"{" + b'"format":"runfold-evidence",' * 100_000,
    ],
    ids=["empty", "null", "list", "open", "utf-16", "mark", "deep", "deeper", "digits", "keys"],
)
def test_hostile_bytes_are_refused(data: bytes) -> None:
    """Deep, huge and broken input ends in an error of ours."""
    with pytest.raises(BadEvidence):
        check_evidence(data)


def test_a_file_beyond_the_limit_is_refused() -> None:
    """A file that is too large is refused before it is read."""
    with pytest.raises(BadEvidence, match="more than"):
        check_evidence(b"x" * (MAX_EVIDENCE + 1))


def test_a_key_that_comes_twice_is_refused(evidence: bytes) -> None:
    """A file that two readers could read differently is none, wherever the key comes twice."""
    for first in (b'"run_id": "run-1"', b'"leaf_index": 300'):
        assert evidence.count(first) == 1
        with pytest.raises(BadEvidence, match="twice"):
            check_evidence(evidence.replace(first, first + b", " + first))


@settings(max_examples=200)
@given(st.data())
def test_no_flipped_bit_passes(evidence: bytes, key: SigningKey, data: st.DataObject) -> None:
    """A file with a wrong bit is refused, or says the same as before it was wrong."""
    at = data.draw(st.integers(0, len(evidence) * 8 - 1))
    wrong = bytearray(evidence)
    wrong[at // 8] ^= 1 << at % 8

    try:
        checked = check_evidence(bytes(wrong), key.verifier_key)
    except LedgerError:
        return
    # What is left is white space between values, and the case of hex digits.
    assert checked == check_evidence(evidence, key.verifier_key)
