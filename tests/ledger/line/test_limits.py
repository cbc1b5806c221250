"""The limits of what may enter the log: each is refused with an error of its own, or kept by force.

What a person or a program decides (metadata, metrics, ids) is refused and named. What comes as it
comes (tracebacks, messages, output) is shortened, because no stage may fail for a long error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ledger import EventLog, NewEvent
from ledger.errors import EventTooLarge, InvalidEvent
from ledger.events import (
    ErrorInfo,
    EventData,
    ImportedRun,
    RunAnnotated,
    RunEnded,
    RunImported,
    RunStarted,
    StageCompleted,
    StageFailed,
    StageSkipped,
    StageStarted,
    build,
)
from ledger.line.codec import MAX_BATCH, MAX_LINE
from ledger.line.shortening import encode_short, shorten_text
from ledger.plain_values import MAX_DEPTH
from tests.ledger.examples import run_started, stage_started
from tests.ledger.witness import assert_whole, raw_lines, snapshot

MARK = re.compile(r"\n… (\d+) characters cut …\n")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    """Give an open log with a run that has begun."""
    with EventLog.open(tmp_path / "runs") as opened:
        opened.append_batch([run_started("r"), stage_started("r")])
        yield opened


def nested(levels: int) -> dict[str, Any]:
    """Make an object that is so many levels deep."""
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


def failure(message: str, traceback: str, tail: str) -> StageFailed:
    """Make a failure of which all that may be long is given."""
    error = ErrorInfo(type="ValueError", message=message, traceback=traceback)
    return StageFailed(stage="load", attempt=1, error=error, output_tail=tail, elapsed_seconds=0.5)


def check_shortened(short: str, whole: str) -> None:
    """Check that a text is whole, or has its two ends and a mark that counts what is missing."""
    if short == whole:
        return
    marks = [mark for mark in MARK.finditer(short) if whole.startswith(short[: mark.start()])]
    assert any(
        whole.endswith(short[mark.end() :])
        and mark.start() + int(mark[1]) + len(short) - mark.end() == len(whole)
        and abs(mark.start() - (len(short) - mark.end())) <= 1
        for mark in marks
    )


def test_a_line_takes_65535_bytes_and_no_more(log: EventLog) -> None:
    """Metadata just too big is refused, and the error names the size and the limit."""

    def annotated(size: int) -> NewEvent:
        return NewEvent(RunAnnotated(metadata={"x": "x" * size}, actor="anna"), "r")

    before = snapshot(log.folder.path)
    with pytest.raises(EventTooLarge) as caught:
        log.append(annotated(MAX_LINE - 500))

    assert caught.value.size > caught.value.limit == MAX_LINE
    assert f"{caught.value.size} bytes" in str(caught.value)
    assert f"{MAX_LINE}" in str(caught.value)
    assert snapshot(log.folder.path) == before
    log.append(annotated(MAX_LINE - 700))
    assert MAX_LINE - 500 < len(raw_lines(log.folder.path)[-1]) < MAX_LINE


def test_what_people_decide_is_never_shortened() -> None:
    """Metrics are kept whole or refused: half a number is another one."""
    metrics = {"text": "x" * MAX_LINE}
    data = StageCompleted(
        stage="load", attempt=1, metrics=metrics, output_tail="tail", elapsed_seconds=1
    )

    with pytest.raises(EventTooLarge):
        encode_short(NewEvent(data, "r"))


@pytest.mark.parametrize(("count", "size"), [(MAX_BATCH // 300 + 1, 10), (85, 50_000)])
def test_a_batch_takes_4_mib_and_no_more(log: EventLog, count: int, size: int) -> None:
    """A batch of many small or of some large events is measured as a whole."""
    value = "x" * size
    before = snapshot(log.folder.path)
    batch = [NewEvent(RunAnnotated(metadata={"x": value}, actor="anna"), "r") for _ in range(count)]

    with pytest.raises(EventTooLarge) as caught:
        log.append_batch(batch)

    assert (caught.value.field, caught.value.limit) == ("batch", MAX_BATCH)
    assert caught.value.size > MAX_BATCH
    assert snapshot(log.folder.path) == before
    assert len(log.append_batch(batch[: count // 2])) == count // 2


LONG = {
    "ascii": "line of a traceback\n",
    "two bytes": "é",
    "four bytes": "😀",
    "escaped": "\x00\x1b",
    "quotes": '"\\',
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_a_long_traceback_and_tail_are_shortened_in_the_middle(log: EventLog, text: str) -> None:
    """However many bytes its characters take, the event fits, and both ends are kept."""
    long = text * (300_000 // len(text))
    data = failure(f"begin {long} end", f"first {long} last", f"head {long} tail")

    log.append(NewEvent(data, "r"))

    stored = assert_whole(log.folder.path)[-1]["data"]
    for kept, whole in (
        (stored["error"]["message"], data.error.message),
        (stored["error"]["traceback"], data.error.traceback or ""),
        (stored["output_tail"], data.output_tail or ""),
    ):
        assert MARK.search(kept)
        check_shortened(kept, whole)
    # A line that is nearly empty would have lost more than it had to.
    assert len(raw_lines(log.folder.path)[-1]) > MAX_LINE // 8


_pieces = st.sampled_from(["a", "é", "€", "😀", "\x00", "\x1b[31m", '"', "\\", "\n", "\u2028"])
_long_texts = st.builds(lambda piece, count: piece * count, _pieces, st.integers(0, 80_000))


@settings(max_examples=25)
@given(_long_texts, _long_texts, _long_texts)
@example("\x00" * 80_000, "\x00" * 80_000, "\x00" * 80_000)
def test_no_failure_is_too_long_to_be_recorded(message: str, traceback: str, tail: str) -> None:
    """Texts of any length and any bytes are kept or shortened, never refused."""
    data = failure(message, traceback, tail)

    body = encode_short(NewEvent(data, "r"))

    assert body.size <= MAX_LINE
    stored = json.loads(body.data)
    check_shortened(stored["error"]["message"], message)
    check_shortened(stored["error"]["traceback"], traceback)
    check_shortened(stored["output_tail"], tail)


IMPORTED = ImportedRun(
    run_id="r",
    started_at=datetime(2026, 1, 15, 10, tzinfo=UTC),
    ended_at=datetime(2026, 1, 15, 11, tzinfo=UTC),
    result="failed",
    failure_reason="€" * 70_000,
    stages_executed=(),
    stages_failed=(),
    retry_count=0,
    metadata={},
)


@pytest.mark.parametrize(
    "data",
    [
        RunEnded(result="failed", failure_reason="€" * 70_000, elapsed_seconds=1),
        StageSkipped(stage="a", reason="€" * 70_000),
        RunAnnotated(note="€" * 70_000, actor="anna"),
        RunImported(summary=IMPORTED, source="old"),
    ],
    ids=lambda data: data.type,
)
def test_every_text_that_comes_as_it_comes_is_shortened(data: EventData) -> None:
    """Reasons and notes may quote an error of any length."""
    body = encode_short(NewEvent(data, "r"))

    assert body.size <= MAX_LINE
    stored = json.loads(body.data)
    texts = [text for text in stored.get("summary", stored).values() if isinstance(text, str)]
    check_shortened(max(texts, key=len), "€" * 70_000)


@given(st.text(max_size=400), st.integers(64, 300))
def test_a_shortened_text_has_its_ends_and_says_what_is_missing(text: str, limit: int) -> None:
    """It is as long as it may be, and the mark counts every character that is not there."""
    short = shorten_text(text, limit)

    assert len(short) <= limit
    assert (short == text) is (len(text) <= limit)
    check_shortened(short, text)


def annotate(**metadata: Any) -> EventData:
    """Make a payload whose metadata is at fault."""
    return build(RunAnnotated, metadata=metadata, actor="anna")


REFUSED: dict[str, tuple[Callable[[], EventData], str, str]] = {
    "nan": (lambda: annotate(x=[float("nan")]), "metadata", "object.x[0]: nan is not JSON"),
    "infinity": (lambda: annotate(x=float("inf")), "metadata", "object.x: inf is not JSON"),
    "integer above": (lambda: annotate(x=2**63), "metadata", "object.x: integer beyond 64 bits"),
    "integer below": (lambda: annotate(x=-(2**63) - 1), "metadata", "integer beyond 64 bits"),
    "surrogate": (lambda: annotate(x={"y": "a\ud800"}), "metadata", "object.x.y: lone surrogate"),
    "surrogate in a key": (lambda: annotate(**{"\ud800": 1}), "metadata", "lone surrogate"),
    "depth": (lambda: annotate(x=nested(MAX_DEPTH)), "metadata", "nested deeper than 64 levels"),
    "bytes": (lambda: annotate(x=b"x"), "metadata", "bytes is not a JSON value"),
    "key": (lambda: annotate(x={1: 2}), "metadata", "key 1 is not a string"),
    "surrogate in a text": (
        lambda: build(RunAnnotated, note="\udfff", actor="anna"),
        "note",
        "lone surrogate at character 0",
    ),
    "elapsed nan": (
        lambda: build(RunEnded, result="success", elapsed_seconds=float("nan")),
        "elapsed_seconds",
        "",
    ),
    "attempt zero": (lambda: build(StageStarted, stage="a", attempt=0), "attempt", "too small"),
    "pipeline empty": (
        lambda: build(RunStarted, pipeline="", writer=None),
        "pipeline",
        "not a name",
    ),
    "stage with a space": (
        lambda: build(StageStarted, stage="a b", attempt=1),
        "stage",
        "not a name",
    ),
    "stage of dots": (
        lambda: build(StageStarted, stage="a/../b", attempt=1),
        "stage",
        "not a name",
    ),
    "stage too long": (
        lambda: build(StageStarted, stage="/".join(["a"] * 300), attempt=1),
        "stage",
        "longer than 512",
    ),
    "unknown field": (lambda: build(StageStarted, stage="a", attempt=1, x=1), "x", "unknown here"),
}


@pytest.mark.parametrize(("make", "field", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_payload_beyond_the_limits_is_refused(
    make: Callable[[], EventData], field: str, reason: str
) -> None:
    """The error names the field, and the place inside it."""
    with pytest.raises(InvalidEvent) as caught:
        make()

    assert caught.value.field == field
    assert reason in caught.value.reason


def test_what_is_just_within_the_limits_is_stored_as_it_is(log: EventLog) -> None:
    """The largest integers, 64 levels and the longest names come back from the log."""
    metadata = {"least": -(2**63), "most": 2**63 - 1, "tiny": 5e-324, "deep": nested(MAX_DEPTH - 1)}
    stage = "/".join(["s" * 127] * 4)

    log.append(NewEvent(RunAnnotated(metadata=metadata, actor="anna"), "r"))
    log.append(NewEvent(StageStarted(stage=stage, attempt=1), "r"))

    *_, annotated, started = log.read_run("r")
    assert annotated.data == RunAnnotated(metadata=metadata, actor="anna")
    assert started.data == StageStarted(stage=stage, attempt=1)


@pytest.mark.parametrize(
    "run_id", ["", ".", "..", "-a", "a/b", "a b", "a\n", "é", "a" * 129, "a\x00", "../a", "%2e"]
)
def test_what_is_no_identifier_is_refused(log: EventLog, run_id: str) -> None:
    """No run id is ever a path, an option or more than one word."""
    before = snapshot(log.folder.path)

    with pytest.raises(InvalidEvent) as caught:
        log.append(NewEvent(run_started("r").data, run_id))

    assert caught.value.field == "run_id"
    assert snapshot(log.folder.path) == before


@pytest.mark.parametrize("run_id", ["a", "0", "a" * 128, "A.b_c:d-e", "a.."])
def test_every_identifier_is_taken(log: EventLog, run_id: str) -> None:
    """The longest and the strangest that the rule allows."""
    assert log.append(NewEvent(run_started("r").data, run_id)).sequence == 1
