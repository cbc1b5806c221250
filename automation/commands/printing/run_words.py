"""How runs, times and results are said on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rich.text import Text

from automation.commands.printing.terminal_text import printable
from automation.commands.printing.value_words import pairs_text
from projections import RunSummary

__all__ = ["duration", "error_line", "pairs", "result_of", "safe", "started", "styled_result"]

_MINUTE, _HOUR = 60, 3600
_STYLES: Mapping[str, str] = {
    "success": "green",
    "failed": "bold red",
    "stopped": "yellow",
    "skipped": "dim",
    "presumed dead": "bold red",
    "late": "yellow",
}


def safe(text: object, style: str = "") -> Text:
    """Make text that comes from events printable; rich reads no markup in it."""
    return Text(printable(str(text)), style=style, overflow="fold")


def duration(seconds: float | None) -> str:
    """Say how long something took; empty where that is not known."""
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < _MINUTE:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    if seconds < _HOUR:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, _MINUTE)
    return f"{hours} h {minutes:02d} min"


def started(moment: datetime | None) -> str:
    """Say when something began, in UTC, to the second."""
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}Z"


def error_line(error: BaseException) -> str:
    """Say what was raised, on one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__qualname__}: {text}" if text else type(error).__qualname__


def result_of(summary: RunSummary) -> str:
    """Say what a run came to; of one without an end, what is known of its writer."""
    if summary.result is not None:
        return summary.result
    return "running" if summary.liveness in (None, "live") else str(summary.liveness)


def styled_result(result: str) -> Text:
    """Give a result in its colour."""
    return Text(result, style=_STYLES.get(result, ""), overflow="fold")


def pairs(values: Mapping[str, Any]) -> Text:
    """Write names and values on one line, like ``rows=4, day=2026-01-15``."""
    return safe(pairs_text(values))
