"""A forked child needs no lock that a thread of its parent may hold to use the events."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import os, sys
from ledger import events

def incomplete():
    models = [each for each in vars(events).values() if hasattr(each, "model_rebuild")]
    ours = [each for each in models if each.__module__ == events.__name__]
    return [each.__name__ for each in ours if not each.__pydantic_complete__]

assert incomplete()
if os.fork():
    sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
print(*incomplete(), flush=True)
os._exit(0)
"""


def test_a_forked_child_finds_each_model_complete() -> None:
    """They are completed when they are first used, by whoever forks at the latest."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == ""
