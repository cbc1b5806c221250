"""How ``runfold verify --deep`` says what folding the log again has shown."""

from __future__ import annotations

from collections.abc import Iterator

from automation.commands.printing.comparison_words import comparison_lines
from automation.commands.printing.terminal_text import printable
from projections.checking.deep_check import DeepCheck

__all__ = ["deep_lines"]

_MODEL, _LOG = "read model", "log"


def deep_lines(found: DeepCheck | None) -> Iterator[str]:
    """Say what differs, a line for each, and a line for the whole; None was not compared."""
    if found is None:
        yield "not compared: a damaged log does not say what the read model should hold"
        return
    for comparison in found.projections:
        yield from comparison_lines(comparison, _MODEL, _LOG)
    for kept in found.kept:
        counted = f"{kept.only_kept} rows too many, {kept.missing} missing"
        yield printable(f"differs: {kept.table}, kept beside the rows: {counted}: {kept.sample}")
    for flaw in found.flaws:
        yield printable(f"flawed: {found.generation}.sqlite: {flaw}")
    for item in found.degraded:
        yield printable(
            f"degraded: {item.projection} could not take {item.count} events, the first at"
            f" position {item.first}: runfold projections --parked says why"
        )
    yield _ending(found)


def _ending(found: DeepCheck) -> str:
    model = f"read model {found.generation} at position {found.position}"
    if found.equal:
        return f"equal: the {model} is what the log comes to"
    same = all(each.equal and each.same_digest for each in found.projections)
    if same and not found.kept and not found.flaws:
        return f"degraded: the {model} is what the log comes to without those events"
    return f"differs: the {model} is not what the log comes to; runfold rebuild makes it anew"
