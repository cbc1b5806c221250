"""How two runs side by side are said: plain texts, not yet safe for a terminal or for Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from automation.commands.printing.run_words import duration, started
from projections.comparing.paired_attempts import AttemptPair, AttemptSide
from projections.comparing.paired_values import DurationPair, ValuePair
from projections.comparing.run_comparison import ComparedRun, PartingEvent, RunComparison

__all__ = [
    "ATTEMPT_HEADERS",
    "NOTHING",
    "PARTING_HEADERS",
    "RUN_HEADERS",
    "VALUE_HEADERS",
    "Row",
    "attempt_rows",
    "course_line",
    "parting_rows",
    "run_rows",
    "value_rows",
]

Row = tuple[str, ...]

RUN_HEADERS = ("", "run", "pipeline", "result", "started", "duration", "difference", "usually")
VALUE_HEADERS = ("of", "name", "A", "B")
ATTEMPT_HEADERS = (
    "stage",
    "attempt",
    "A",
    "B",
    "A took",
    "B took",
    "difference",
    "usually",
)
PARTING_HEADERS = ("", "event", "position", "stage", "attempt", "result", "error")
NOTHING = "-"
"""What is said where there is nothing."""

_LONGEST = 300


def run_rows(comparison: RunComparison) -> Iterator[Row]:
    """Say of each run what it is known by, and how long it took."""
    difference, usually = _difference(comparison.duration), _usually(comparison.duration)
    yield (*_known_by("A", comparison.a), difference, usually)
    yield (*_known_by("B", comparison.b), "", "")


def _known_by(letter: str, run: ComparedRun) -> Row:
    result = run.result or run.liveness or "running"
    return (
        letter,
        run.run_id,
        run.pipeline or NOTHING,
        "running" if result == "live" else result,
        started(run.started_at),
        duration(run.duration_seconds),
    )


def value_rows(comparison: RunComparison) -> Iterator[Row]:
    """Say each value: of the summary, the parameters, the metadata, the attempts."""
    for part, pairs in (
        ("summary", comparison.fields),
        ("parameter", comparison.parameters),
        ("metadata", comparison.metadata),
    ):
        for pair in pairs:
            yield (part, pair.name, *_values(pair))
    for attempt in comparison.attempts:
        name = f"{attempt.stage}#{attempt.attempt}" if attempt.was_tried else attempt.stage
        reasons = [_reason(side) for side in (attempt.a, attempt.b)]
        if reasons[0] != reasons[1]:
            yield ("reason", name, *map(_shortened, reasons))
        for pair in attempt.metrics:
            yield ("metric", f"{name}.{pair.name}", *_values(pair))


def _reason(side: AttemptSide | None) -> str:
    return (side and side.reason) or NOTHING


def _values(pair: ValuePair) -> Row:
    texts = [NOTHING if pair.only == "b" else _text(pair.a)]
    texts.append(NOTHING if pair.only == "a" else _text(pair.b))
    if texts[0] == texts[1] and not pair.equal:
        # The number 5 and the text "5" look the same, and so do null and no value.
        sides = (("a", pair.a), ("b", pair.b))
        texts = [
            NOTHING if pair.only not in (None, side) else json.dumps(value, ensure_ascii=False)
            for side, value in sides
        ]
    return tuple(map(_shortened, texts))


def _text(value: Any) -> str:  # noqa: ANN401 - any JSON value
    if isinstance(value, str):
        return value
    if value in (None, [], {}):
        return NOTHING
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False)


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def attempt_rows(attempts: Sequence[AttemptPair]) -> Iterator[Row]:
    """Say what each attempt came to, and how long it took."""
    for pair in attempts:
        yield (
            pair.stage,
            str(pair.attempt) if pair.was_tried else NOTHING,
            _came_to(pair.a),
            _came_to(pair.b),
            duration(pair.duration.a),
            duration(pair.duration.b),
            _difference(pair.duration),
            _usually(pair.duration),
        )


def _came_to(side: AttemptSide | None) -> str:
    return NOTHING if side is None else side.result or "no end"


def _difference(pair: DurationPair) -> str:
    if pair.delta is None:
        return ""
    text = duration(abs(pair.delta))
    # What is shown as nothing is neither more nor less, nor many spreads.
    if text == duration(0):
        return text
    text = f"{'+' if pair.delta > 0 else '-'}{text}"
    return text if pair.spreads is None else f"{text}, {abs(pair.spreads):.1f} spreads"


def _usually(pair: DurationPair) -> str:
    if pair.usual is None:
        return ""
    usual = pair.usual
    return f"{duration(usual.median)} ± {duration(usual.spread)} of {usual.successes}"


def course_line(comparison: RunComparison) -> str:
    """Say whether the runs part, and when; all of it words of ours."""
    if comparison.parting is not None:
        shared = comparison.parting.shared
        events = "1 event" if shared == 1 else f"{shared} events"
        return f"The runs part after {events}. Of each, the first that the other does not have:"
    if comparison.equal:
        return "Nothing differs but times."
    return "The runs took the same course."


def parting_rows(comparison: RunComparison) -> Iterator[Row]:
    """Say what each run did where they part; nothing where they do not."""
    if comparison.parting is not None:
        yield ("A", *_event(comparison.parting.a))
        yield ("B", *_event(comparison.parting.b))


def _event(event: PartingEvent | None) -> Row:
    if event is None:
        return (NOTHING, "", "", "", "", "")
    told = (event.stage, event.attempt, event.result, event.error)
    texts = ("" if one is None else _shortened(str(one)) for one in told)
    return (event.type, str(event.position), *texts)
