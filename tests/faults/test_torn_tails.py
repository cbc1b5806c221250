"""Whatever a crash makes of the bytes above the mark, all whole batches before it are kept."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from ledger import EventLog
from ledger.errors import LedgerDamaged
from tests.faults.small_logs import SEGMENT, batch_ends, small_log, with_segment
from tests.ledger.witness import assert_whole, raw_lines

BLOCK = 512


@pytest.fixture
def folder(shm: Path) -> Path:
    """Make a small log."""
    return small_log(shm / "log")


def assert_kept(harmed: Path, position: int, torn: bytes) -> None:
    """Open what was harmed: all up to a position is there, the rest is kept aside and noted."""
    before = raw_lines(harmed.with_name("log"))[:position]
    EventLog.open(harmed).close()
    lines = assert_whole(harmed)
    kept = raw_lines(harmed)[:position]
    # Torn before its first line, a log begins anew with its identity.
    assert kept == before
    notes = [line["data"] for line in lines[position:] if line["type"] == "ledger_recovered"]
    assert len(notes) == bool(torn)
    assert len(lines) == max(position, 1) + len(notes)
    for note in notes:
        assert (harmed / "quarantine" / note["quarantine"]).read_bytes() == torn


def cut_everywhere(folder: Path, sizes: Iterable[int], *, keep_mark: bool) -> int:
    """Cut the segment to each size, with its mark before the cut or without any."""
    data = (folder / "events" / SEGMENT).read_bytes()
    ends = batch_ends(folder)
    done = 0
    for size in sizes:
        offset, position = max(end for end in ends if end[0] <= size)
        below = random.Random(size).choice([end for end in ends if end[0] <= size])
        harmed = with_segment(folder, data[:size], below if keep_mark else None)
        assert_kept(harmed, position, data[offset:size])
        done += 1
    return done


@pytest.mark.parametrize("keep_mark", [True, False])
def test_a_cut_at_some_bytes(folder: Path, tally: Counter[str], *, keep_mark: bool) -> None:
    """Cut anywhere above its mark, or without one, a log keeps exactly its whole batches."""
    sizes = range(0, (folder / "events" / SEGMENT).stat().st_size + 1, 61)
    done = cut_everywhere(folder, sizes, keep_mark=keep_mark)
    assert done == len(sizes) > 50
    tally["truncations"] += done


@pytest.mark.faults
@pytest.mark.parametrize("keep_mark", [True, False])
def test_a_cut_at_every_byte(folder: Path, tally: Counter[str], *, keep_mark: bool) -> None:
    """At every single byte of the log, cutting it there keeps exactly the whole batches."""
    sizes = range((folder / "events" / SEGMENT).stat().st_size + 1)
    done = cut_everywhere(folder, sizes, keep_mark=keep_mark)
    assert done == len(sizes) > 3000
    tally["truncations"] += done


def random_tails(count: int, seed: int) -> list[bytes]:
    """Draw tails of NUL, 0xFF, garbage, and garbage that ends like a line."""
    draw = random.Random(seed)
    tails = []
    for number in range(count):
        size = draw.choice((1, 17, 511, 512, 4096, draw.randrange(1, 9000)))
        garbage = draw.randbytes(size)
        kinds = (b"\x00" * size, b"\xff" * size, garbage, garbage + b"\n", b"\x00" * size + b"\n")
        tails.append(kinds[number % len(kinds)])
    return tails


def check_tails(folder: Path, tails: Iterable[bytes]) -> int:
    """Put each tail behind the log, behind its mark and without one."""
    data = (folder / "events" / SEGMENT).read_bytes()
    end = batch_ends(folder)[-1]
    done = 0
    for tail in tails:
        for mark in (end, None):
            assert_kept(with_segment(folder, data + tail, mark), end[1], tail)
            done += 1
    return done


def test_some_tails_that_are_no_lines(folder: Path, tally: Counter[str]) -> None:
    """NUL, 0xFF and garbage behind the last line go to quarantine byte for byte."""
    done = check_tails(folder, random_tails(20, seed=1))
    assert done == 40
    tally["tails of NUL, 0xFF and garbage"] += done


@pytest.mark.faults
def test_many_tails_that_are_no_lines(folder: Path, tally: Counter[str]) -> None:
    """Of any length and content, what is no line goes to quarantine byte for byte."""
    done = check_tails(folder, random_tails(1000, seed=2))
    assert done == 2000
    tally["tails of NUL, 0xFF and garbage"] += done


def lose_blocks(folder: Path, step: int) -> int:
    """Lose disk blocks of what was appended after each mark: zeroed, of 0xFF, or left out."""
    data = (folder / "events" / SEGMENT).read_bytes()
    ends = batch_ends(folder)
    done = 0
    for marked in ends[:-1]:
        for start in range(marked[0], len(data), step):
            stop = min(start + BLOCK, len(data))
            _, position = max(end for end in ends if end[0] <= start)
            offset = max(end[0] for end in ends if end[0] <= start)
            lost = stop - start
            for filling in (b"\x00" * lost, b"\xff" * lost, b""):
                left = data[:start] + filling + data[stop:]
                if not filling and stop == len(data) and start == offset:
                    continue
                assert_kept(with_segment(folder, left, marked), position, left[offset:])
                done += 1
    return done


def test_some_lost_blocks(folder: Path, tally: Counter[str]) -> None:
    """A disk block lost from unsynced batches costs those from there on, and nothing before."""
    done = lose_blocks(folder, BLOCK)
    assert done > 60
    tally["lost disk blocks"] += done


@pytest.mark.faults
def test_many_lost_blocks(folder: Path, tally: Counter[str]) -> None:
    """Wherever the lost block begins, all whole batches before it are kept."""
    done = lose_blocks(folder, 37)
    assert done > 800
    tally["lost disk blocks"] += done


def test_half_batches(folder: Path, tally: Counter[str]) -> None:
    """However many lines of a batch are there, without its last one there is no batch."""
    lines = [raw + b"\n" for raw in raw_lines(folder)]
    ends = batch_ends(folder)
    done = 0
    for number in range(len(lines)):
        half = b"".join(lines[: number + 1])
        offset, position = max(end for end in ends if end[0] <= len(half))
        if offset < len(half):
            assert_kept(with_segment(folder, half, (offset, position)), position, half[offset:])
            done += 1
    assert done == 4
    tally["half batches"] += done


def test_without_a_mark_a_lost_block_in_the_middle_is_damage(folder: Path) -> None:
    """With a sound line behind the hole and no mark, nothing is cut, and opening refuses."""
    data = (folder / "events" / SEGMENT).read_bytes()
    refused = 0
    for start in range(0, len(data) - 3 * BLOCK, BLOCK):
        left = data[:start] + b"\x00" * BLOCK + data[start + BLOCK :]
        harmed = with_segment(folder, left, None)
        with pytest.raises(LedgerDamaged):
            EventLog.open(harmed)
        assert (harmed / "events" / SEGMENT).read_bytes() == left
        refused += 1
    assert refused >= 4
