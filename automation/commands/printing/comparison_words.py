"""How a comparison of two models is said: plain lines, one for each thing that differs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from automation.commands.printing.terminal_text import printable
from projections.checking.model_comparison import Comparison, Difference, Side

__all__ = ["SamplesOption", "comparison_lines", "field_counts", "most", "side_text"]

SamplesOption = Annotated[
    int, typer.Option(min=0, help="How many differences of each field to name; 0 is all of them.")
]


def most(samples: int) -> int | None:
    """Read the option: 0 stands for all."""
    return samples or None


def comparison_lines(found: Comparison, old: str, new: str) -> Iterator[str]:
    """Say each difference that was kept, then what they come to.

    Args:
        found: what was compared.
        old: what to call the first model.
        new: what to call the second.
    """
    for sample in found.samples:
        yield printable(f"differs: {found.projection}: {_sample_text(sample, old, new)}")
    for text in found.shape:
        yield printable(f"differs: {found.projection}: {text}")
    if found.equal and found.old is not None:
        yield f"equal: {found.projection}, {side_text(found.old)}"
        return
    yield printable(f"differs: {found.projection}: {_counts_text(found)}")
    for name, side in ((old, found.old), (new, found.new)):
        stands = side_text(side) if side else "does not have it"
        yield printable(f"  {name}: {stands}")


def side_text(side: Side) -> str:
    """Say what one model holds of a projection."""
    content = side.content
    held = f"{_many(content.runs, 'run')}, {_many(content.rows, 'row')}"
    return f"version {side.version}: {held}, digest {content.digest}"


def field_counts(found: Comparison) -> Iterator[str]:
    """Say how many runs differ in each field, those in which most differ first."""
    for field, count in sorted(found.fields.items(), key=lambda item: (-item[1], item[0])):
        yield f"{field} {count}"


def _counts_text(found: Comparison) -> str:
    sides = [side for side in (found.old, found.new) if side is not None]
    total = max((side.content.runs for side in sides), default=0)
    counted = ", ".join(field_counts(found))
    whole = f"{found.differing} of {_many(total, 'run')} differ"
    return f"{whole}: {counted}" if counted else whole


def _sample_text(sample: Difference, old: str, new: str) -> str:
    run = f"run {sample.run_id}" if sample.run_id else "a run without an id"
    sides = "; ".join(
        f"{name}: {'nothing' if value is None else value}"
        for name, value in ((old, sample.old), (new, sample.new))
    )
    return f"{run} (position {sample.run}): {sample.place}: {sides}"


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
