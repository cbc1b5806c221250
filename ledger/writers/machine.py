"""Which machine, boot and process this is: what tells a writer that is gone from one elsewhere."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ledger.events import WriterIdentity

__all__ = ["boot_id", "is_alive", "machine_id", "this_process", "this_writer"]

_NO_BOOT = "00000000-0000-0000-0000-000000000000"


@cache
def boot_id() -> str:
    """Give the id of this boot, 36 characters; zeros where the system does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return _sysctl("kern.bootsessionuuid").lower() or _NO_BOOT


@cache
def machine_id() -> str:
    """Give the id of this machine: systemd's, else the network card's address."""
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        try:
            text = Path(path).read_text().strip()
        except OSError:
            continue
        if text:
            return text
    return _sysctl("kern.uuid").lower() or _network_card()


def _network_card() -> str:
    # Here, as it takes a while, and few machines have no other name.
    import uuid  # noqa: PLC0415 - see above

    return f"node-{uuid.getnode():012x}"


def _sysctl(name: str) -> str:
    """Ask macOS; elsewhere there is no such command and the answer is empty."""
    command = Path("/usr/sbin/sysctl")
    if os.uname().sysname != "Darwin" or not command.exists():
        return ""
    found = subprocess.run(  # noqa: S603 - a fixed system command with fixed names
        [command, "-n", name], capture_output=True, text=True, check=False
    )
    return found.stdout.strip()


def is_alive(pid: int) -> bool:
    """Tell whether a process of this machine runs, whoever it belongs to.

    One that has ended does not, though it is there until its parent has asked how it ended.
    """
    # Asked again in the end: meanwhile its parent may have asked, and its state is not there then.
    return _is_there(pid) and not _has_ended(pid) and _is_there(pid)


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _has_ended(pid: int) -> bool:
    """Look at its state, where the system shows it: the letter behind a name in brackets."""
    try:
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2][:1]
    except OSError:
        return False
    return state in (b"Z", b"X")


def this_process() -> dict[str, Any]:
    """Give what a ``WriterIdentity`` holds, of the process that is running."""
    return {
        "host": os.uname().nodename or "unknown",
        "machine_id": machine_id(),
        "boot_id": boot_id(),
        "pid": os.getpid(),
    }


def this_writer() -> WriterIdentity:
    """Name the process that is running."""
    # Here, as it is a model, which takes long to be made.
    from ledger.events import WriterIdentity  # noqa: PLC0415 - see above

    return WriterIdentity(**this_process())
