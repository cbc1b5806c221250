"""Bits flipped and lines forged: each change is noticed, and a kept tree head notices them all."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest

from ledger import LogReader
from ledger.errors import NotProven
from ledger.evidence.extension import check_extends
from ledger.evidence.tree_head import current_tree_head, origin_of
from ledger.integrity.verify import verify
from ledger.line.walk import END_OF_NOTHING, Flaw, walk
from tests.faults.small_logs import (
    SEGMENT,
    batch_ends,
    refuses_or_cuts,
    small_log,
    with_segment,
)
from tests.ledger.damage import copy_of
from tests.ledger.forging import LONG_AGO, altered, put_lines, rechained
from tests.ledger.witness import raw_lines


@pytest.fixture
def folder(shm: Path) -> Path:
    """Make a small log."""
    return small_log(shm / "log")


def flipped(data: bytes, bit: int) -> bytes:
    """Flip one bit."""
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_every_flipped_bit_breaks_the_chain(folder: Path, tally: Counter[str]) -> None:
    """The check of lines that all reading shares finds every single bit that is flipped."""
    data = (folder / "events" / SEGMENT).read_bytes()
    found = 0
    for bit in range(8 * len(data)):
        items = list(walk(flipped(data, bit), END_OF_NOTHING))
        found += isinstance(items[-1], Flaw)
    assert found == 8 * len(data) > 20_000
    tally["flipped bits given to the check of lines"] += found


def flip_on_disk(folder: Path, bits: Iterable[int]) -> int:
    """Flip bits on disk below the mark; each must be found by verifying, and named when used."""
    data = (folder / "events" / SEGMENT).read_bytes()
    end = batch_ends(folder)[-1]
    harmed = with_segment(folder, data, end)
    noticed = 0
    for bit in bits:
        # What is refused is left as it is, so one copy serves for every bit.
        (harmed / "events" / SEGMENT).write_bytes(flipped(data, bit))
        checked = verify(harmed, jobs=1)
        assert not checked.sound, f"bit {bit}"
        assert checked.findings, f"bit {bit}"
        assert refuses_or_cuts(harmed) == "LedgerDamaged", f"bit {bit}"
        assert (harmed / "events" / SEGMENT).read_bytes() == flipped(data, bit)
        noticed += 1
    return noticed


def test_a_flipped_bit_in_some_bytes(folder: Path, tally: Counter[str]) -> None:
    """Below the mark a flipped bit is found by ``verify``, and by opening or reading."""
    draw = random.Random(3)
    size = (folder / "events" / SEGMENT).stat().st_size
    bits = [8 * byte + draw.randrange(8) for byte in range(0, size, 7)]
    noticed = flip_on_disk(folder, bits)
    assert noticed == len(bits) > 300
    tally["flipped bits on disk"] += noticed


@pytest.mark.faults
def test_every_flipped_bit_is_noticed(folder: Path, tally: Counter[str]) -> None:
    """Each single bit below the mark, flipped, is found, named, and left as it is."""
    size = (folder / "events" / SEGMENT).stat().st_size
    noticed = flip_on_disk(folder, range(8 * size))
    assert noticed == 8 * size
    tally["flipped bits on disk"] += noticed


Forgery = Callable[[Sequence[bytes], int], list[bytes]]


def _delete(lines: Sequence[bytes], at: int) -> list[bytes]:
    return [*lines[:at], *lines[at + 1 :]]


def _double(lines: Sequence[bytes], at: int) -> list[bytes]:
    return [*lines[: at + 1], *lines[at:]]


def _swap(lines: Sequence[bytes], at: int) -> list[bytes]:
    other = (at + 1) % len(lines)
    swapped = list(lines)
    swapped[at], swapped[other] = swapped[other], swapped[at]
    return swapped


def _insert(lines: Sequence[bytes], at: int) -> list[bytes]:
    return [*lines[:at], altered(lines[at], occurred_at=LONG_AGO), *lines[at:]]


def _rewrite(lines: Sequence[bytes], at: int) -> list[bytes]:
    return [*lines[:at], altered(lines[at], occurred_at=LONG_AGO), *lines[at + 1 :]]


FORGERIES: dict[str, Forgery] = {
    "deleted": _delete,
    "doubled": _double,
    "swapped": _swap,
    "inserted": _insert,
    "rewritten": _rewrite,
}


def renumbered(lines: Iterable[bytes]) -> list[bytes]:
    """Give lines the positions they stand at, and the CRC for that."""
    return [altered(line, position=position) for position, line in enumerate(lines, 1)]


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_line_with_its_crc_made_right(
    folder: Path, name: str, tally: Counter[str]
) -> None:
    """Deleted, doubled, swapped, inserted or rewritten: at every place ``verify`` finds it."""
    lines = raw_lines(folder)
    found = 0
    for at in range(len(lines)):
        forged = FORGERIES[name](lines, at)
        for version in (forged, renumbered(forged)):
            if name == "deleted" and at == len(lines) - 1:
                # Cut at its end, a log is a sound shorter one: only a mark or a head knows.
                continue
            if name == "rewritten" and at == len(lines) - 1:
                # Nothing refers to the last line yet: only a head knows.
                continue
            copy = copy_of(folder, "harmed")
            put_lines(copy, version)
            assert not verify(copy, jobs=1).sound, f"{name} at {at}"
            found += 1
    assert found >= 2 * (len(lines) - 1)
    tally["forged lines with the CRC made right"] += found


@pytest.mark.parametrize("name", FORGERIES)
def test_a_whole_forged_chain_against_a_kept_head(
    folder: Path, name: str, tally: Counter[str]
) -> None:
    """Rechained from the forged line to the end, a log does not extend the head kept before."""
    head = current_tree_head(LogReader(folder))
    lines = raw_lines(folder)
    assert check_extends(LogReader(folder), head).new == head
    found = 0
    for at in range(1, len(lines)):
        forged = rechained(FORGERIES[name](lines, at))
        copy = copy_of(folder, "harmed")
        put_lines(copy, forged)
        (copy / "tree").unlink(missing_ok=True)
        if forged[: len(lines)] == lines:
            continue
        with pytest.raises(NotProven):
            check_extends(LogReader(copy), head)
        found += 1
    assert found >= len(lines) - 2
    tally["whole forged chains"] += found


def test_a_head_names_its_log(folder: Path, shm: Path) -> None:
    """A whole other log, sound in itself, is told by its origin already."""
    head = current_tree_head(LogReader(folder))
    other = small_log(shm / "other")
    assert verify(other, jobs=1).sound
    assert origin_of(LogReader(other).identity) != head.origin
    with pytest.raises(NotProven):
        check_extends(LogReader(other), head)
