"""Whether a block of a run is left by the process that entered it, or by a forked copy of that."""

from __future__ import annotations

import os

from ledger.writers.machine import is_alive

__all__ = ["is_copy_of"]


def is_copy_of(recorder: int) -> bool:
    """Tell whether this is a forked child of a process that is still there to record an end.

    Where it is gone, as the parents of a daemon are, the child goes on in its place.

    Args:
        recorder: the process that entered the block.
    """
    return recorder != os.getpid() and is_alive(recorder)
