"""Reading a damaged log: what is sound is given, and the rest is named, each position once."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import EventLog, LogReader, RecordedEvent
from ledger.errors import LedgerDamaged
from ledger.reading.sound_reading import OutOfReach
from tests.ledger.damage import copy_of, flip, lose_lock
from tests.ledger.damaged_logs import Damage, DamagedLog, damages, forge, make_log, positions_in
from tests.ledger.examples import acknowledgement
from tests.ledger.witness import raw_lines, segments_of


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a log of six segments."""
    return make_log(tmp_path_factory.mktemp("read-sound") / "whole")


def read(folder: Path, after: int = 0) -> tuple[dict[int, bytes], list[OutOfReach]]:
    """Read over the damage; check that each position comes once and in order."""
    reader = LogReader(folder)
    items = list(reader.read_sound(after))
    assert positions_in(items) == list(range(after + 1, reader.position + 1))
    lines = {item.position: item.line for item in items if isinstance(item, RecordedEvent)}
    return lines, [item for item in items if isinstance(item, OutOfReach)]


@settings(max_examples=60)
@given(damages, st.integers(0, 40))
def test_any_damage_leaves_exactly_the_sound_rest(
    whole: Path, several: Sequence[Damage], after: int
) -> None:
    """Each line that was not touched is given as it was, and none that was not recorded.

    Of several damages, as many lines are given as were not touched.
    """
    recorded = raw_lines(whole)
    with tempfile.TemporaryDirectory() as scratch:
        damaged = DamagedLog.of(whole).suffer(several)
        folder = damaged.write_to(Path(scratch) / "damaged")

        lines, _ = read(folder)
        behind, _ = read(folder, after)

    unclear = damaged.claimed if len(several) > 1 else set()
    wrong = {position for position, line in lines.items() if line != recorded[position - 1]}
    assert wrong <= unclear
    lost = set(range(1, len(recorded) + 1)) - set(lines) - unclear
    # Where lines changed places more than once, a moved one may take the place of one that stayed.
    if len(several) > 1:
        assert len(lost) <= len(damaged.touched)
    else:
        assert lost <= damaged.touched
    assert {position: line for position, line in lines.items() if position > after} == behind


def test_a_sound_log_is_read_as_it_is(whole: Path) -> None:
    """Without damage nothing is out of reach."""
    lines, lost = read(whole)
    assert list(lines.values()) == raw_lines(whole)
    assert lost == []


def test_a_missing_segment_hides_only_its_own_positions(whole: Path) -> None:
    """What lies before and behind it is read, and its positions are named."""
    segments = [int(path.stem) for path in segments_of(whole)]
    for number, first in enumerate(segments):
        folder = copy_of(whole, "missing")
        segments_of(folder)[number].unlink()

        _, lost = read(folder)

        behind = segments[number + 1] if number + 1 < len(segments) else len(raw_lines(whole)) + 1
        assert [(item.first, item.last) for item in lost] == [(first, behind - 1)]


def test_a_segment_cut_at_any_byte_keeps_its_whole_lines(whole: Path) -> None:
    """The lines before the cut stay readable, wherever it is, and whatever segment is cut."""
    recorded = raw_lines(whole)
    for number in (0, 2, -1):
        data = segments_of(whole)[number].read_bytes()
        for size in range(0, len(data), 97):
            folder = copy_of(whole, "cut")
            segments_of(folder)[number].write_bytes(data[:size])

            lines, lost = read(folder)

            left = data[:size].count(b"\n")
            assert len(lines) == len(recorded) - data.count(b"\n") + left
            assert sum(item.count for item in lost) == data.count(b"\n") - left


def test_a_line_changed_with_its_crc_made_right_is_disowned(whole: Path) -> None:
    """The line after it refers to another one, so it is not given, and reading plainly stops."""
    folder = copy_of(whole, "forged")
    log = DamagedLog.of(whole)
    lines, at = log.line(9)
    lines[at] = forge(lines[at].rstrip(b"\n"), b'"run-', b'"ran-') + b"\n"
    log.write_to(folder)

    lines_read, lost = read(folder)
    assert 10 not in lines_read
    assert [(item.first, item.last) for item in lost] == [(10, 10)]
    events = LogReader(folder).read()
    assert [next(events).position for _ in range(9)] == list(range(1, 10))
    with pytest.raises(LedgerDamaged) as caught:
        next(events)
    assert caught.value.position == 11


def test_a_damaged_newline_costs_one_line(tmp_path: Path) -> None:
    """The line that was joined to the one before it is found inside."""
    folder = tmp_path / "runs"
    with EventLog.open(folder) as log:
        for number in range(4):
            log.append(acknowledgement(f"note {number}"))
    path = segments_of(folder)[0]
    ends = [at for at, byte in enumerate(path.read_bytes()) if byte == ord("\n")]
    flip(path, ends[1])

    lines, _ = read(folder)

    assert list(lines) == [1, 3, 4, 5]


def test_bytes_that_are_no_line_are_bounded_in_memory_and_named(tmp_path: Path) -> None:
    """Megabytes without a newline between two lines hide no line and no position."""
    folder = tmp_path / "runs"
    with EventLog.open(folder) as log:
        log.append(acknowledgement())
    path = segments_of(folder)[0]
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + b"\x00" * 3_000_000 + b"\n" + second)

    lines, (gap,) = read(folder)

    assert list(lines) == [1, 2]
    assert (gap.first, gap.last, gap.count) == (2, 1, 0)
    assert (gap.offset, gap.size) == (len(first), 3_000_001)


def test_without_its_lock_file_a_damaged_log_is_read_to_its_last_sound_line(whole: Path) -> None:
    """The mark is lost; damage in the active segment does not hide what is in the ones before."""
    folder = copy_of(whole, "lost")
    segments_of(folder)[-2].write_bytes(b"garbage")
    lose_lock(folder)

    items = list(LogReader(folder).read_sound())

    assert positions_in(items)[-1] == len(raw_lines(whole))
