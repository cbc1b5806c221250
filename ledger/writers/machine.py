"""Which machine, boot and process this is: what tells a writer that is gone from one elsewhere."""

from __future__ import annotations

import os
import platform
import subprocess
import uuid
from functools import cache
from pathlib import Path

from ledger.events import WriterIdentity

__all__ = ["boot_id", "machine_id", "this_writer"]

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
    return _sysctl("kern.uuid").lower() or f"node-{uuid.getnode():012x}"


def _sysctl(name: str) -> str:
    """Ask macOS; elsewhere there is no such command and the answer is empty."""
    command = Path("/usr/sbin/sysctl")
    if platform.system() != "Darwin" or not command.exists():
        return ""
    found = subprocess.run(  # noqa: S603 - a fixed system command with fixed names
        [command, "-n", name], capture_output=True, text=True, check=False
    )
    return found.stdout.strip()


def this_writer() -> WriterIdentity:
    """Name the process that is running."""
    return WriterIdentity(
        host=platform.node() or "unknown",
        machine_id=machine_id(),
        boot_id=boot_id(),
        pid=os.getpid(),
    )
