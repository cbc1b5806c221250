"""Which file systems a log may lie on."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.disk.file_system import file_system_of, is_network, parse_mountinfo

MOUNTINFO = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 22 0:45 / /mnt/team rw,relatime shared:9 master:2 - nfs4 server:/export rw,vers=4.2
41 22 0:46 /a\\040b /mnt/shell rw - fuse.sshfs user@host: rw
42 22 0:47 / /tmp rw,nosuid - tmpfs tmpfs rw
"""


def test_mountinfo_gives_the_type_of_each_device() -> None:
    """Optional fields before the dash, and escapes in a path, do not confuse it."""
    assert parse_mountinfo(MOUNTINFO) == {
        "254:0": "ext4",
        "0:45": "nfs4",
        "0:46": "fuse.sshfs",
        "0:47": "tmpfs",
    }


@pytest.mark.parametrize(
    ("kind", "network"),
    [
        ("ext4", False),
        ("xfs", False),
        ("btrfs", False),
        ("tmpfs", False),
        ("overlay", False),
        ("fuseblk", False),
        ("nfs", True),
        ("nfs4", True),
        ("cifs", True),
        ("9p", True),
        ("fuse.sshfs", True),
        (None, False),
    ],
)
def test_only_network_file_systems_are_named_so(kind: str | None, network: bool) -> None:
    """A disk of this machine is none, and what the system does not tell is not held against it."""
    assert is_network(kind) is network


def test_the_file_system_of_a_real_folder_is_known(tmp_path: Path) -> None:
    """On Linux the kernel tells; a folder that is not there has none."""
    if Path("/proc/self/mountinfo").exists():
        assert file_system_of(tmp_path)
    assert file_system_of(tmp_path / "missing") is None
