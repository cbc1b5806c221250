"""The tables of ``runfold explain``: the fields of a summary, then the events it ignored."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from automation.commands.printing.run_words import safe
from projections.runs.explanation import Explanation, FieldExplanation, IgnoredEvent

__all__ = ["explanation_tables"]

_LONGEST_VALUE = 40
_MOST_POSITIONS = 4


def explanation_tables(explanation: Explanation) -> Iterator[RenderableType]:
    """Lay out an explanation; values are shortened, and so are long lists of positions."""
    yield _fields(explanation.fields)
    yield Text()
    if explanation.ignored:
        yield _ignored(explanation.ignored)
    else:
        yield Text("no event of the run was ignored", style="dim")
    yield Text(f"as of position {explanation.position}, the last event of the run", style="dim")


def _fields(fields: Sequence[FieldExplanation]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("field", no_wrap=True)
    for header in ("value", "set by", "before that", "rule"):
        table.add_column(header, overflow="fold")
    for one in fields:
        table.add_row(
            one.field,
            _value(one.value),
            _positions(one.set_by) or "none",
            _positions(one.overwritten),
            Text(one.rule, style="dim"),
        )
        if one.field == "metadata":
            for row in _keys(one):
                table.add_row(*row)
    return table


def _keys(metadata: FieldExplanation) -> Iterator[tuple[RenderableType, ...]]:
    """Give a row for each key of the metadata: it is merged, so each has its own events."""
    parts = {part.part: part for part in metadata.parts}
    for key, value in metadata.value.items():
        part = parts[f".{key}"]
        yield safe(f"  {key}"), _value(value), str(part.set_by), _positions(part.overwritten)


def _value(value: Any) -> Text:  # noqa: ANN401 - any JSON value
    text = json.dumps(value, ensure_ascii=False)
    return safe(text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…")


def _positions(positions: Sequence[int]) -> str:
    """List positions; of many the first, the last, and how many they are."""
    if len(positions) <= _MOST_POSITIONS:
        return ", ".join(map(str, positions))
    return f"{positions[0]}, … {positions[-1]} ({len(positions)})"


def _ignored(events: Sequence[IgnoredEvent]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("ignored", justify="right")
    for header in ("type", "rule", "reason"):
        table.add_column(header, overflow="fold")
    for event in events:
        table.add_row(str(event.position), safe(event.type), event.rule, safe(event.reason))
    return table
