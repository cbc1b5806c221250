"""What a spool has kept it gives back, in order, whatever a crash left at its end."""

from __future__ import annotations

from pathlib import Path

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.remote.spool import (
    Record,
    Spool,
    SpoolHead,
    left_spools,
    refused_events,
    spool_folder,
    spool_root,
)

HEAD = SpoolHead("http://ledger.example", "r")


def record(number: int) -> Record:
    """Give a record that is told by its number."""
    return Record(msgspec.Raw(b'{"n":%d}' % number), number)


def numbers(spool: Spool) -> list[int | None]:
    """Give the numbers of all records."""
    found: list[int | None] = []
    offset = 0
    while records := list(spool.read(offset)):
        found += [one.expected_sequence for one, _ in records]
        offset = records[-1][1]
    return found


def test_a_spool_gives_back_what_it_kept(tmp_path: Path) -> None:
    """More than is read at once, too; it is not removed before the last of it was read."""
    spool = Spool.create(tmp_path, HEAD)
    large = msgspec.Raw(b'"%b"' % (b"x" * 60_000))
    for number in range(12):
        spool.append(Record(large, number))
    assert numbers(spool) == list(range(12))
    spool.close()

    again = Spool.take_over(spool.path)
    assert again is not None
    assert again.head == HEAD
    assert numbers(again) == list(range(12))
    kept = next(behind for _, behind in again.read(0))
    assert not again.remove_behind(kept)
    assert left_spools(tmp_path) == [spool.path]
    assert again.remove_behind(spool.path.stat().st_size)
    assert left_spools(tmp_path) == []


@given(cut=st.integers(1, 400), junk=st.binary(max_size=30))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_end_is_read_up_to_its_last_whole_line(tmp_path: Path, cut: int, junk: bytes) -> None:
    """Cut anywhere, with anything behind: what is given back is the beginning, and it goes on."""
    spool = Spool.create(tmp_path, HEAD)
    for number in range(5):
        spool.append(record(number))
    spool.close()
    data = spool.path.read_bytes()
    kept = data[: max(len(data) - cut, data.index(b"\n") + 1)]
    spool.path.write_bytes(kept + junk)

    again = Spool.take_over(spool.path)
    assert again is not None
    whole = kept.count(b"\n") - 1
    assert numbers(again)[:whole] == list(range(whole))
    again.append(record(99))
    assert numbers(again)[-1] == 99
    assert again.remove_behind(again.path.stat().st_size)


def test_a_spool_belongs_to_its_writer(tmp_path: Path) -> None:
    """While it is there nobody else sends it; a file that is no spool is left alone."""
    spool = Spool.create(tmp_path, HEAD)
    (tmp_path / "other.jsonl").write_bytes(b"{}\n")

    assert Spool.take_over(spool.path) is None
    assert Spool.take_over(tmp_path / "other.jsonl") is None
    assert Spool.take_over(tmp_path / "missing.jsonl") is None
    assert left_spools(tmp_path / "missing") == []
    assert refused_events(spool.path) == 0
    spool.set_aside(record(1), "because")
    assert refused_events(spool.path) == 1
    assert set(left_spools(tmp_path)) == {spool.path, tmp_path / "other.jsonl"}
    assert spool.remove_behind(spool.path.stat().st_size)


def test_each_ledger_has_a_folder_of_its_own() -> None:
    """Runs of the same id for two ledgers do not meet."""
    root = spool_root()

    assert spool_folder(root, "http://a") != spool_folder(root, "http://b")
    assert spool_folder(root, "http://a").parent == root
