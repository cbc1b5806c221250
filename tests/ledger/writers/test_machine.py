"""Which processes of this machine run: what tells a writer that is gone from one that is not."""

from __future__ import annotations

import os

from ledger.writers.machine import is_alive
from tests.ledger.interleaving import in_fork, just_before


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


def test_a_process_that_is_waited_for_just_then_is_not_alive() -> None:
    """Its state was to be read, and is gone with it; a daemon's run had no end for that."""

    def look() -> None:
        child = os.fork()
        if not child:
            os._exit(0)
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        just_before({"open"}, lambda: os.waitpid(child, 0))
        assert not is_alive(child)

    assert in_fork(look) == 0
