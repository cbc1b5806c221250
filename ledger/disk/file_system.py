"""What kind of file system a folder lies on, as far as a log has to care.

``flock`` and ``O_APPEND`` do not hold on network file systems: two machines may write over each
other. So those are refused, unless somebody who knows theirs allows it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

__all__ = ["file_system_of", "is_network", "parse_mountinfo"]

_NETWORK = frozenset(
    {"9p", "afs", "beegfs", "ceph", "cifs", "glusterfs", "lustre", "nfs", "nfs4", "smb3", "smbfs"}
)
_LINE = re.compile(r"^\d+ \d+ (?P<device>\d+:\d+) \S+ \S+ \S+ .*?- (?P<kind>\S+) ", re.MULTILINE)


def parse_mountinfo(text: str) -> dict[str, str]:
    """Read ``/proc/self/mountinfo``: device number, like ``8:1``, to file system type."""
    return {match["device"]: match["kind"] for match in _LINE.finditer(text)}


def file_system_of(path: Path) -> str | None:
    """Name the type of file system that a path lies on; None where the system does not tell."""
    try:
        device = path.stat().st_dev
        text = Path("/proc/self/mountinfo").read_text()
    except OSError:
        return None
    return parse_mountinfo(text).get(f"{os.major(device)}:{os.minor(device)}")


def is_network(kind: str | None) -> bool:
    """Tell whether a file system's locks and appends cannot be trusted between machines."""
    return kind is not None and (kind in _NETWORK or kind == "fuse" or kind.startswith("fuse."))
