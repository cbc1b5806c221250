"""A lease tells a writer elsewhere that is silent from one that is gone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ledger.disk.folder import LedgerFolder
from ledger.errors import InvalidEvent, LedgerUnwritable
from ledger.writers.leases import Lease, LeaseState, drop_old_leases, keep_lease, read_lease

NOW = datetime(2026, 1, 15, 10, tzinfo=UTC)
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("now", "heard", "state"),
    [
        (NOW, None, LeaseState.KEPT),
        (NOW + TICK, None, LeaseState.LATE),
        (NOW + timedelta(seconds=10), None, LeaseState.LATE),
        (NOW + timedelta(seconds=10) + TICK, None, LeaseState.RUN_OUT),
        (NOW + timedelta(seconds=10) + TICK, NOW - timedelta(days=1), LeaseState.RUN_OUT),
        (NOW + timedelta(seconds=15), NOW + timedelta(seconds=5), LeaseState.KEPT),
        (NOW + timedelta(seconds=25), NOW + timedelta(seconds=5), LeaseState.LATE),
        (NOW + timedelta(seconds=26), NOW + timedelta(seconds=5), LeaseState.RUN_OUT),
    ],
)
def test_a_lease_is_late_before_it_has_run_out(
    now: datetime, heard: datetime | None, state: LeaseState
) -> None:
    """As long again as it lasted; a later sign of life counts like a renewal."""
    assert Lease(NOW, 10.0).state(now, heard=heard) is state


def test_a_lease_is_read_as_it_was_kept(tmp_path: Path) -> None:
    """The next one takes its place."""
    folder = LedgerFolder(tmp_path)
    assert read_lease(folder, "r") is None

    keep_lease(folder, "r", now=NOW, seconds=5)
    kept = keep_lease(folder, "r", now=NOW, seconds=20)

    assert read_lease(folder, "r") == kept == Lease(NOW + timedelta(seconds=20), 20.0)
    assert [path.name for path in folder.leases.iterdir()] == ["r"]


@pytest.mark.parametrize(
    ("run_id", "seconds"), [("../r", 1.0), ("", 1.0), ("r", 0.0), ("r", 3601.0)]
)
def test_what_is_no_lease_is_refused(tmp_path: Path, run_id: str, seconds: float) -> None:
    """A run id never becomes a path unchecked."""
    with pytest.raises(InvalidEvent):
        keep_lease(LedgerFolder(tmp_path), run_id, now=NOW, seconds=seconds)
    assert list(tmp_path.iterdir()) == []
    assert read_lease(LedgerFolder(tmp_path), "../r") is None


def test_a_lease_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    """It is no fact, so nothing is lost with it."""
    folder = LedgerFolder(tmp_path)
    folder.leases.mkdir()
    (folder.leases / "r").write_bytes(b"{")

    assert read_lease(folder, "r") is None


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    """In the words of the ledger."""
    (tmp_path / "leases").write_bytes(b"")

    with pytest.raises(LedgerUnwritable, match="lease"):
        keep_lease(LedgerFolder(tmp_path), "r", now=NOW)


def test_old_leases_are_dropped(tmp_path: Path) -> None:
    """A day after the last call; not before."""
    folder = LedgerFolder(tmp_path)
    drop_old_leases(folder, now=NOW)
    keep_lease(folder, "r", now=NOW)
    written = datetime.fromtimestamp((folder.leases / "r").stat().st_mtime, UTC)

    drop_old_leases(folder, now=written + timedelta(hours=23))
    assert read_lease(folder, "r") is not None
    drop_old_leases(folder, now=written + timedelta(hours=25))
    assert read_lease(folder, "r") is None
