"""Which processes of this machine run: what tells a writer that is gone from one that is not."""

from __future__ import annotations

import os

from ledger.writers.machine import is_alive


def test_a_process_that_nobody_has_waited_for_yet_is_not_alive() -> None:
    """It has ended, though its id is still taken; this one, which runs, is alive."""
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)

    assert not is_alive(child)
    assert is_alive(os.getpid())
    os.waitpid(child, 0)
    assert not is_alive(child)
