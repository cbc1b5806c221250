"""Disks that are full, too small or read-only, and processes that may write or open no more."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger import EventLog, LogReader
from ledger.errors import AppendFailed, LedgerUnwritable
from tests.faults.programs import numbered
from tests.faults.survival import assert_survived
from tests.faults.workshop import Workshop
from tests.ledger.witness import assert_whole, raw_lines, snapshot

_MOUNT = shutil.which("mount")
_BALLAST = 96 * 1024


def _mount(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 256 KiB; only root may."""
    if sys.platform != "linux" or _MOUNT is None or os.geteuid() != 0:
        pytest.skip("only root on Linux can mount a tiny disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    done = _mount("-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk))
    if done.returncode:
        pytest.skip(f"cannot mount a tiny disk: {done.stderr}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.mark.parametrize("segment_bytes", [1 << 26, 8192], ids=["one segment", "rotating"])
@pytest.mark.parametrize("size", [100, 5000])
def test_a_disk_that_fills(
    tiny_disk: Path, segment_bytes: int, size: int, tally: Counter[str]
) -> None:
    """The batch is rolled back whole, the error says that the disk is full, and space mends it."""
    folder = tiny_disk / "log"
    ballast = tiny_disk / "ballast"
    ballast.write_bytes(b"x" * _BALLAST)
    acknowledged: list[str] = []
    failed = 0
    with EventLog.open(folder, segment_bytes=segment_bytes) as log:
        for number in range(1000):
            batch = numbered("filler", number, 3, size)
            try:
                acknowledged += [receipt.event_id for receipt in log.append_batch(batch)]
            except AppendFailed as error:
                assert "the disk is full" in str(error)  # noqa: PT017 - the others go on
                failed += 1
                assert_whole(folder)
                if failed == 3:
                    break
        assert len(acknowledged) > 20
        assert failed == 3, "the disk never was full"
        assert len(raw_lines(folder)) == 1 + len(acknowledged)
        assert len(list(LogReader(folder).read())) == 1 + len(acknowledged)
        ballast.unlink()
        acknowledged += [receipt.event_id for receipt in log.append_batch(batch)]
    assert_survived(folder, [acknowledged])
    tally["batches refused on a full disk"] += failed


def test_a_new_ledger_on_a_full_disk(tiny_disk: Path) -> None:
    """It is refused by an error of ours; with space again the same folder becomes a ledger."""
    folder = tiny_disk / "log"
    ballast = tiny_disk / "ballast"
    with pytest.raises(OSError, match="No space"):
        ballast.write_bytes(b"x" * 512 * 1024)
    with pytest.raises(LedgerUnwritable, match="No space"):
        EventLog.open(folder)
    ballast.unlink()
    assert_survived(folder, [])


def test_a_read_only_disk(tiny_disk: Path) -> None:
    """Opening for appending says so; reading works and changes nothing; writable, it goes on."""
    folder = tiny_disk / "log"
    with EventLog.open(folder) as log:
        acknowledged = [receipt.event_id for receipt in log.append_batch(numbered("w", 0, 3))]
    before = snapshot(folder)
    assert _mount("-o", "remount,ro", str(tiny_disk)).returncode == 0
    try:
        with pytest.raises(LedgerUnwritable, match="read-only"):
            EventLog.open(folder)
        with pytest.raises(LedgerUnwritable, match="read-only"):
            EventLog.open(tiny_disk / "new")
        assert len(list(LogReader(folder).read())) == 4
        assert snapshot(folder) == before
    finally:
        assert _mount("-o", "remount,rw", str(tiny_disk)).returncode == 0
    assert_survived(folder, [acknowledged])


def test_a_write_that_ends_at_every_byte_of_a_batch(
    workshop: Workshop, tmp_path: Path, tally: Counter[str]
) -> None:
    """At whichever byte the limit ends the write, nothing of the batch stays; then it works."""
    folder = tmp_path / "log"
    job, code = workshop.run("append_under_size_limits", folder, 3)
    assert code == 0, job.complaints()
    (refused,) = [int(words[1]) for words in job.said() if words[0] == "refused"]
    assert refused > 900
    assert_survived(folder, [job.acknowledged()])
    tally["writes cut short"] += refused


def test_every_number_of_descriptors(
    workshop: Workshop, tmp_path: Path, tally: Counter[str]
) -> None:
    """With too few file descriptors an error of ours says so; with enough the log goes on."""
    folder = tmp_path / "log"
    EventLog.open(folder).close()
    job, code = workshop.run("append_under_descriptor_limits", folder)
    assert code == 0, job.complaints()
    refused = [words for words in job.said() if words[0] == "refused"]
    assert 3 <= len(refused) < 21
    assert len(job.acknowledged()) > 3
    assert_survived(folder, [job.acknowledged()])
    tally["limits of file descriptors"] += 21
