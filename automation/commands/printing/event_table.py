"""The table of ``runfold replay``: one row for each event, written as they come."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from automation.commands.printing.event_words import event_words
from automation.commands.printing.run_words import safe
from ledger.events import RecordedEvent

__all__ = ["EventTable"]

# Wide enough for most, so that the columns of rows that come later are where they were.
_RUN_WIDTH, _TYPE_WIDTH = 29, len("failure_acknowledged")
_NO_LIMIT = 100_000


class EventTable:
    """Lays out rows that are written piece by piece, the header before the first."""

    def __init__(self, *, with_run: bool) -> None:
        """Begin a table; ``with_run`` tells whether the run is a column of it."""
        self._with_run = with_run
        self._headed = False
        self._on_terminal = sys.stdout.isatty()
        self._console = Console(
            width=None if self._on_terminal else _NO_LIMIT, markup=False, highlight=False
        )

    def rows(self, events: Sequence[RecordedEvent]) -> bytes:
        """Lay out the next rows, as bytes for stdout."""
        table = Table(box=None, pad_edge=False, header_style="bold", show_header=not self._headed)
        self._headed = True
        table.add_column("position", justify="right", min_width=len("position"), no_wrap=True)
        table.add_column("recorded at", no_wrap=True)
        if self._with_run:
            table.add_column("run", min_width=_RUN_WIDTH, overflow="fold")
        table.add_column("type", min_width=_TYPE_WIDTH, overflow="fold")
        table.add_column("what matters", overflow="fold")
        for event in events:
            run = [safe(event.run_id or "")] if self._with_run else []
            table.add_row(
                str(event.position),
                f"{event.recorded_at:%Y-%m-%d %H:%M:%S.%f}"[:-3] + "Z",
                *run,
                safe(event.type),
                safe(event_words(event)),
            )
        return self._rendered(table)

    def _rendered(self, table: Table) -> bytes:
        with self._console.capture() as captured:
            self._console.print(table)
        # Rich pads rows to the width of their table; in a file that is noise.
        lines = captured.get().split("\n")
        text = "\n".join(line if self._on_terminal else line.rstrip() for line in lines)
        return text.encode(sys.stdout.encoding, errors="replace")
