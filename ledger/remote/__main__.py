"""``python -m ledger.remote``: send what writers have left in the spools, and say what is left."""

from __future__ import annotations

import sys

from ledger.remote.leftovers import send_leftovers


def main() -> int:
    """Send all; give 1 where something is left, or was refused."""
    code = 0
    for one in send_leftovers():
        said = "sent" if one.problem is None else f"waits in {one.path}: {one.problem}"
        if one.refused:
            said += f"; {one.refused} events refused, see beside {one.path}"
        sys.stdout.write(f"{one.run_id} for {one.url}: {said}\n")
        code = code or int(one.problem is not None or one.refused > 0)
    return code


if __name__ == "__main__":
    sys.exit(main())
