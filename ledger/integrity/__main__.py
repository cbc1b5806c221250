"""``python -m ledger.integrity FOLDER``: check a log for another process, which listens.

Each line on stdout is one ``Told`` as JSON: how far the check is, and in the end what it came to.
It takes one core, at a low priority, so that whoever waits for it can go on with other things.
"""

from __future__ import annotations

import os
import sys

import msgspec

from ledger.errors import LedgerError
from ledger.integrity.told_check import Told
from ledger.integrity.verify import verify

_NICE = 10


def main(folder: str) -> None:
    """Check the log in a folder, and tell of it."""
    os.nice(_NICE)
    try:
        found = verify(folder, jobs=1, progress=lambda done, of: _tell(Told(checked=done, of=of)))
    except LedgerError as error:
        _tell(Told(problem=f"{error}."))
    else:
        _tell(Told(verification=found))


def _tell(told: Told) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(sys.argv[1])
