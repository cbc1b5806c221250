"""The table of ``runfold failures``."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group
from rich.table import Table
from rich.text import Text

from automation.commands.printing.run_words import safe, started
from automation.commands.printing.terminal_text import printable
from projections.failures.by_fingerprint import FailureGroup, FailuresPage

__all__ = ["failures_table"]


def failures_table(page: FailuresPage, *, every: bool) -> Group:
    """Lay out groups of failures, and say what is not listed."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("fingerprint", no_wrap=True)
    for header in ("failures", "runs"):
        table.add_column(header, justify="right")
    for header in ("last seen", "first seen"):
        table.add_column(header, no_wrap=True)
    for header in ("pipeline", "stage", "state"):
        table.add_column(header, overflow="fold")
    table.add_column("failure", no_wrap=True, overflow="ellipsis")
    for group in page.groups:
        table.add_row(
            group.fingerprint,
            str(group.failures),
            str(group.runs),
            started(group.last_seen.at),
            started(group.first_seen.at),
            safe(", ".join(group.pipelines)),
            safe(group.stage or ""),
            _state(group),
            Text(_failure(group)),
        )
    said = Text("; ".join(_footer(page, every=every)), style="dim")
    return Group(table, said) if page.groups else Group(said)


def _state(group: FailureGroup) -> Text:
    """Say how it stands; of an acknowledged one what was said, be it void by now."""
    said = group.acknowledgement
    if said is None or (group.state == "open" and not said.is_void):
        return Text(group.state)
    word = "back after" if said.is_void else group.state
    return safe(f"{word}: {' '.join(said.note.split())} ({said.actor})")


def _failure(group: FailureGroup) -> str:
    text = " ".join(group.sample.split())
    return printable(": ".join(part for part in (group.error_type, text) if part))


def _footer(page: FailuresPage, *, every: bool) -> Iterator[str]:
    kinds = "kind of failure" if page.total == 1 else "kinds of failures"
    shown = f"{len(page.groups)} of " if len(page.groups) < page.total else ""
    yield f"{shown}{page.total} {kinds}"
    hidden = {"acknowledged": page.acknowledged, "flaky": page.flaky}
    listed = [f"{number} {state}" for state, number in hidden.items() if number and not every]
    if listed:
        yield f"{' and '.join(listed)} not shown (--all)"
    yield f"as of position {page.position}"
