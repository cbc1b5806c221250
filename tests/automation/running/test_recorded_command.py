"""A command that is recorded: what it prints comes out to the byte, whoever reads it."""

from __future__ import annotations

import fcntl
import os
import sys
import threading
import time

from automation.running.output_tail import OutputTail
from automation.running.passed_signals import PassedSignals
from automation.running.recorded_command import run_command
from tests.ledger.interleaving import in_fork

AMOUNT = 1 << 18

FILLS_ITS_PIPE = f"""
import fcntl, os
fcntl.fcntl(1, fcntl.F_SETPIPE_SZ, {AMOUNT})
os.write(1, bytes({AMOUNT}))
"""


def test_all_that_a_command_printed_comes_out_however_slowly_it_is_read() -> None:
    """A pipe may hold more than is passed on at a time when the command has ended already."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    read: list[int] = []

    def read_slowly() -> None:
        while data := os.read(reading, 4096):
            read.append(len(data))
            time.sleep(0.005)

    def record() -> None:
        os.dup2(writing, 1)
        with PassedSignals() as signals:
            run_command(
                [sys.executable, "-c", FILLS_ITS_PIPE],
                environment=os.environ,
                signals=signals,
                tail=OutputTail(),
            )

    reader = threading.Thread(target=read_slowly)
    reader.start()
    assert in_fork(record) == 0
    os.close(writing)
    reader.join()
    os.close(reading)

    assert sum(read) == AMOUNT
