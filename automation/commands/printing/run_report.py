"""One run as people read it: its attempts as a table, then what went wrong in full."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from automation.commands.printing.run_words import (
    duration,
    pairs,
    result_of,
    safe,
    started,
    styled_result,
)
from automation.commands.printing.terminal_text import printable_lines
from ledger.disk.folder import LedgerFolder
from projections import RunSummary
from projections.runs.run_summary import Attempt

__all__ = ["run_details", "run_report"]


def run_report(summary: RunSummary, folder: Path) -> Iterator[RenderableType]:
    """Lay out what a run came to, its attempts, and where its log lies."""
    yield _heading(summary)
    if summary.failure_reason:
        yield safe(summary.failure_reason, "red")
    if summary.attempts or summary.stages_skipped:
        yield Text()
        yield _attempts(summary)
    yield Text()
    where = Text("log  ", style="dim")
    where.append_text(safe(LedgerFolder(folder).events))
    yield where
    again = Text("raw  ", style="dim")
    again.append_text(
        safe(f"runfold replay --dir {shlex.quote(str(folder))} --run {summary.run_id}")
    )
    yield again


def _heading(summary: RunSummary) -> Text:
    heading = Text("run ")
    heading.append_text(safe(summary.run_id, "bold"))
    heading.append(" of ")
    heading.append_text(safe(summary.pipeline or summary.imported_from or "?", "bold"))
    heading.append(": ")
    heading.append_text(styled_result(result_of(summary)))
    if summary.duration_seconds is not None:
        heading.append(f" in {duration(summary.duration_seconds)}")
    return heading


def _attempts(summary: RunSummary) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for header in ("stage", "attempt", "result", "duration", "metrics or reason"):
        table.add_column(header, overflow="fold")
    for attempt in summary.attempts:
        table.add_row(
            safe(attempt.stage),
            str(attempt.attempt),
            styled_result(attempt.result or ("running" if summary.result is None else "no end")),
            duration(attempt.duration_seconds),
            _outcome(attempt),
        )
    for skipped in summary.stages_skipped:
        table.add_row(safe(skipped.stage), "", styled_result("skipped"), "", safe(skipped.reason))
    return table


def _outcome(attempt: Attempt) -> Text:
    if attempt.error is None:
        return pairs(attempt.metrics)
    message = " ".join(attempt.error.message.split())
    return safe(f"{attempt.error.type}: {message}" if message else attempt.error.type)


def run_details(summary: RunSummary, position: int) -> Iterator[RenderableType]:
    """Lay out the rest of what is known at a position: facts, notes, and each failure in full."""
    yield Text()
    yield _facts(summary)
    for note in summary.notes:
        yield Text()
        yield Group(safe(f"{note.actor}, {started(note.at)}:", "dim"), _block(note.note))
    for anomaly in summary.anomalies:
        yield Text()
        yield safe(f"anomaly at position {anomaly.position}: {anomaly.reason}", "yellow")
    for attempt in summary.attempts:
        yield from _full(attempt)
    yield Text()
    yield Text(f"as of position {position}", style="dim")


def _facts(summary: RunSummary) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    facts = {
        "started": started(summary.started_at),
        "ended": started(summary.ended_at),
        "trigger": summary.trigger,
        "code version": summary.code_version,
        "rerun of": summary.rerun_of,
        "imported from": summary.imported_from,
    }
    if summary.writer is not None:
        facts["writer"] = f"process {summary.writer.pid} on {summary.writer.host}"
    for name, value in facts.items():
        if value:
            table.add_row(name, safe(value))
    for name, values in (("parameters", summary.parameters), ("metadata", summary.metadata)):
        if values:
            table.add_row(name, pairs(values))
    return table


def _full(attempt: Attempt) -> Iterator[RenderableType]:
    """Give what an attempt printed, and the traceback of what it raised."""
    parts = {
        "printed": attempt.output_tail,
        "raised": attempt.error.traceback if attempt.error else None,
    }
    for verb, text in parts.items():
        if text:
            yield Text()
            yield safe(f"{attempt.stage}, attempt {attempt.attempt}, {verb}:", "dim")
            yield _block(text)


def _block(text: str) -> Padding:
    return Padding(Text(printable_lines(text.rstrip("\n")), overflow="fold"), (0, 0, 0, 2))
