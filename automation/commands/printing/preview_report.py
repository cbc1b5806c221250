"""The tables of ``runfold rebuild --preview``: what differs by field, and by run."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from automation.commands.printing.comparison_words import side_text
from automation.commands.printing.run_words import safe
from projections.checking.model_comparison import Comparison
from projections.checking.preview import Preview

__all__ = ["preview_report"]


def preview_report(found: Preview) -> Iterator[RenderableType]:
    """Lay out what a candidate would change, a part for each projection."""
    for comparison in found.projections:
        yield Text(f"{comparison.projection}: {_heading(comparison)}", style="bold")
        alone = comparison.old is None or comparison.new is None
        side = comparison.new or comparison.old
        if side is not None and (alone or comparison.equal):
            yield Text(f"  {side_text(side)}", style="dim")
        for text in () if alone else comparison.shape:
            yield safe(f"  {text}")
        if comparison.fields:
            yield _fields(comparison)
            yield _samples(comparison)
    for kept in found.kept:
        counted = f"{kept.only_kept} rows only now, {kept.missing} only then"
        yield safe(f"{kept.table}, kept beside the rows: {counted}: {kept.sample}")
    yield Text(_ending(found), style="dim")


def _heading(found: Comparison) -> str:
    if found.old is None:
        return "a new projection, which has nothing to differ from"
    if found.new is None:
        return "is no more"
    changed = found.old.version != found.new.version
    versions = f"version {found.old.version} -> {found.new.version}, " if changed else ""
    runs = max(found.old.content.runs, found.new.content.runs)
    if not found.differing:
        return f"{versions}nothing differs in {_many(runs)}"
    again = "" if changed else "; the version is the same: raise it where the code is another"
    return f"{versions}{found.differing} of {_many(runs)} differ{again}"


def _fields(found: Comparison) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("  field", no_wrap=True)
    table.add_column("runs", justify="right")
    for field, count in sorted(found.fields.items(), key=lambda item: (-item[1], item[0])):
        table.add_row(safe(f"  {field}"), str(count))
    return table


def _samples(found: Comparison) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for header in ("  run", "where", "now", "then"):
        table.add_column(header, overflow="fold")
    for sample in found.samples:
        table.add_row(
            safe(f"  {sample.run_id}"),
            safe(sample.place),
            _value(sample.old),
            _value(sample.new),
        )
    return table


def _value(text: str | None) -> Text:
    return Text("-", style="dim") if text is None else safe(text)


def _ending(found: Preview) -> str:
    where = f"compared with generation {found.generation} at position {found.position}"
    if found.promoted:
        return f"{where}; promoted: generation {found.promoted} is current"
    return f"{where}; nothing was changed"


def _many(runs: int) -> str:
    return f"{runs} run{'' if runs == 1 else 's'}"
