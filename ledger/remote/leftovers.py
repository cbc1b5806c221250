"""Send what writers have left behind: runs whose ledger was away to the end, or who died.

Whoever records a run elsewhere does this for the same ledger on the side. ``python -m
ledger.remote`` does it for all ledgers, and says what is left: it is what a timer would call.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ledger.errors import InvalidEvent
from ledger.remote.ledger_client import LedgerClient
from ledger.remote.remote_log import parse_url
from ledger.remote.sending import Sending, Unreachable
from ledger.remote.spool import Spool, drop_begun, left_spools, refused_events, spool_root

__all__ = ["Leftover", "send_leftovers"]


@dataclass(frozen=True, slots=True)
class Leftover:
    """What became of one spool.

    Attributes:
        path: the file.
        url: the ledger it is for.
        run_id: the run it is of.
        problem: why it is still there; None once it was sent.
        refused: how many of its events the ledger refused for good; they lie beside it.
    """

    path: Path
    url: str
    run_id: str
    problem: str | None
    refused: int


def send_leftovers(root: Path | None = None, *, token: str | None = None) -> Iterator[Leftover]:
    """Send every spool whose writer is gone, and tell of each.

    Args:
        root: the folder of all spools; None for the usual one.
        token: lets append; None asks the environment for ``RUNFOLD_TOKEN``.
    """
    token = token if token is not None else os.environ.get("RUNFOLD_TOKEN")
    root = spool_root() if root is None else root
    for folder in sorted(root.iterdir()) if root.is_dir() else ():
        drop_begun(folder, now=time.time())
        for path in left_spools(folder):
            spool = Spool.take_over(path)
            if spool is not None:
                yield _send(spool, token)


def _send(spool: Spool, token: str | None) -> Leftover:
    problem = None
    try:
        with closing(LedgerClient(parse_url(spool.head.url), token=token)) as client:
            sending = Sending(spool)
            while sending.send_some(client) or not sending.finish_for_another(client):
                pass
    except (Unreachable, InvalidEvent) as error:
        problem = error.reason
    except OSError as error:
        problem = error.strerror or str(error)
    spool.close()
    head = spool.head
    return Leftover(spool.path, head.url, head.run_id, problem, refused_events(spool.path))
