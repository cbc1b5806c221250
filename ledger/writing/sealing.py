"""What is made of a segment once no line can be added to it: its index, off the writer's path.

Derived data only: if the process dies before it is done, whoever needs the index builds it.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

from ledger.errors import LedgerError
from ledger.reading.reader import LogReader

__all__ = ["seal_in_background"]


def seal_in_background(folder: Path, first: int) -> threading.Thread:
    """Index a sealed segment in a thread of its own, with a reader of its own."""
    thread = threading.Thread(
        target=_seal, args=(folder, first), name=f"runfold-seal-{first}", daemon=True
    )
    thread.start()
    return thread


def _seal(folder: Path, first: int) -> None:
    with suppress(LedgerError, OSError):
        LogReader(folder, keep_index=True).run_index.seal(first)
