"""Replay: what reading gives, faster, and the same errors where the bytes are not right."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import EventLog, LogReader
from ledger.errors import BadLine, LedgerDamaged, LedgerError, LedgerReplaced
from ledger.integrity.repair import repair
from ledger.line.replayed import decode_replayed
from ledger.reading.replay import replay, replay_run
from tests.golden_ledger import golden_ledger
from tests.ledger.damage import copy_of, cut, flip, set_mark
from tests.ledger.damaged_logs import Damage, DamagedLog, damages, forge, make_log
from tests.ledger.examples import acknowledgement, one_run
from tests.ledger.witness import mark_of, raw_lines, segments_of

LAST = 41
POSITIONS = st.integers(0, LAST + 3)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a log of six segments."""
    return make_log(tmp_path_factory.mktemp("replay") / "whole")


def replayed(
    folder: Path, after: int = 0, until: int | None = None
) -> tuple[list[bytes], LedgerError | None]:
    """Give the lines that replay gives, and the error it ends with; check each stretch."""
    lines: list[bytes] = []
    try:
        for stretch in replay(LogReader(folder), after, until):
            assert list(stretch.events) == list(map(decode_replayed, stretch.lines))
            assert stretch.position == stretch.events[-1].position
            assert stretch.prev == json.loads(stretch.lines[0])["prev"]
            lines += stretch.lines
    except LedgerError as error:
        return lines, error
    return lines, None


def read(
    folder: Path, after: int = 0, until: int | None = None
) -> tuple[list[bytes], LedgerError | None]:
    """Give what reading gives, likewise."""
    lines: list[bytes] = []
    try:
        for event in LogReader(folder).read(after, until):
            lines.append(event.line)  # noqa: PERF401 - what came before an error counts
    except LedgerError as error:
        return lines, error
    return lines, None


def told(error: LedgerError | None) -> Any:
    """Give what an error says, to compare it."""
    return None if error is None else (type(error), str(error))


@settings(max_examples=60)
@given(POSITIONS, st.none() | POSITIONS)
def test_a_sound_log_is_replayed_as_it_is_read(whole: Path, after: int, until: int | None) -> None:
    """From any position to any other, across segments: the same lines, each once and in order."""
    stop = LAST if until is None else until
    assert replayed(whole, after, until) == (raw_lines(whole)[after:stop], None)
    assert read(whole, after, until) == replayed(whole, after, until)


def test_the_leaf_of_a_stretch_is_that_of_its_last_line(whole: Path) -> None:
    """It is what a checkpoint keeps."""
    reader = LogReader(whole)
    for stretch in replay(reader):
        assert stretch.leaf == reader.leaf_at(stretch.position)


def test_the_golden_log_is_replayed(tmp_path: Path) -> None:
    """Without a lock file, and so without a mark, up to its last whole batch."""
    folder = golden_ledger(tmp_path)

    assert replayed(folder) == (raw_lines(folder), None)


def test_replay_stops_at_the_mark(tmp_path: Path) -> None:
    """What is not known to be durable is not given, in the last segment or one before it."""
    folder = make_log(tmp_path / "runs")
    lines = raw_lines(folder)
    for path in segments_of(folder)[1:4]:
        first = int(path.stem)
        for count in (0, 1, 2):
            offset = sum(len(line) + 1 for line in lines[first - 1 : first - 1 + count])
            set_mark(folder, first, offset, first - 1 + count)
            assert replayed(folder) == (lines[: first - 1 + count], None)
            assert replayed(folder) == read(folder)


def test_nothing_is_replayed_of_an_empty_rest(whole: Path) -> None:
    """Behind the end, and where ``until`` lies before ``after``, there is nothing."""
    for after, until in ((LAST, None), (LAST + 5, None), (9, 9), (9, 3), (0, 0)):
        assert replayed(whole, after, until) == ([], None)


def test_one_run_is_replayed_from_its_own_lines(whole: Path) -> None:
    """Up to a position, in order; a run that is not there has none."""
    reader = LogReader(whole)
    for run_id in ("run-0", "run-3", "run-7", "no-such-run"):
        for until in (None, 0, 2, 18, LAST):
            expected = [decode_replayed(one.line) for one in reader.read_run(run_id, until)]
            assert list(replay_run(reader, run_id, until)) == expected


def test_what_lies_before_damage_is_given_first(tmp_path: Path) -> None:
    """Of one run as of the log: the events before a damaged line, and then its error."""
    folder = make_log(tmp_path / "runs")
    known = list(replay_run(LogReader(folder), "run-3"))
    line = raw_lines(folder)[known[-1].position - 1]
    (path,) = [path for path in segments_of(folder) if line in path.read_bytes()]
    path.write_bytes(path.read_bytes().replace(line, line.replace(b"20", b"21", 1), 1))
    found = replay_run(LogReader(folder), "run-3")
    assert [next(found) for _ in known[1:]] == known[:-1]
    with pytest.raises(LedgerDamaged):
        next(found)


@settings(max_examples=80)
@given(damages, POSITIONS)
def test_over_damage_it_gives_what_reading_gives_or_more(
    whole: Path, several: Sequence[Damage], after: int
) -> None:
    """It never gives a line that was not there, and ends with the error of reading.

    Lines are checked by themselves and not against the one before: so a line that is whole, stands
    at its place and is only disowned by the next one is given here, and shown by ``verify``.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = DamagedLog.of(whole).suffer(several).write_to(Path(scratch) / "damaged")

        lines, error = replayed(folder, after)
        expected, expected_error = read(folder, after)

        assert lines[: len(expected)] == expected
        if len(lines) == len(expected):
            assert told(error) == told(expected_error)
        more = [decode_replayed(line).position for line in lines]
        assert more == sorted(set(more))


@pytest.mark.parametrize("position", [1, 2, 9, 10, 20, LAST - 1, LAST])
def test_a_flipped_bit_ends_it_with_the_error_of_reading(
    tmp_path: Path, whole: Path, position: int
) -> None:
    """All lines before it are given, and the error names segment, position and offset."""
    for byte in (3, 100, -3):
        damaged = DamagedLog.of(whole)
        lines, at = damaged.line(position - 1)
        raw = bytearray(lines[at])
        raw[byte] ^= 1
        lines[at] = bytes(raw)
        folder = damaged.write_to(tmp_path / "flipped")

        found, error = replayed(folder)

        assert isinstance(error, LedgerDamaged)
        assert found == raw_lines(whole)[: position - 1]
        assert told(error) == told(read(folder)[1])
        assert replayed(folder, position)[0] == raw_lines(whole)[position:]


def test_a_line_that_is_no_event_is_damage(tmp_path: Path) -> None:
    """With its CRC made right it is still not what the format says."""
    folder = tmp_path / "runs"
    with EventLog.open(folder) as log:
        log.append_batch(one_run("run-1"))
    path = segments_of(folder)[0]
    lines = path.read_bytes().splitlines()
    for old, new in ((b'"data":{', b'"dada":{'), (b'"occurred_at":"2', b'"occurred_at":"x')):
        forged = forge(lines[-1], old, new)
        path.write_bytes(b"".join(line + b"\n" for line in [*lines[:-1], forged]))
        with pytest.raises(BadLine):
            decode_replayed(forged)

        found, error = replayed(folder)

        assert found == lines[:-1]
        assert isinstance(error, LedgerDamaged)
        assert told(error) == told(read(folder)[1])


def test_a_repair_is_passed_over(tmp_path: Path) -> None:
    """What was lost is not there, and all that is sound is, from any position to any other."""
    folder = make_log(tmp_path / "runs")
    path = segments_of(folder)[1]
    flip(path, 700)
    flip(path, 1500)
    assert replayed(folder)[1] is not None
    repair(folder, actor="anna", reason="the disk lost a block")
    with EventLog.open(folder) as log:
        log.append_batch(one_run("new"))
    kept, error = replayed(folder)
    assert error is None
    positions = [decode_replayed(line).position for line in kept]
    last = LogReader(folder).position
    assert 0 < last - len(kept) < 8

    for after in range(0, last + 1, 3):
        for until in (after + 1, after + 4, last):
            expected = [
                line
                for line, position in zip(kept, positions, strict=True)
                if after < position <= until
            ]
            assert replayed(folder, after, until) == (expected, None)
            assert read(folder, after, until) == (expected, None)


def test_a_log_that_shrank_is_an_error(whole: Path) -> None:
    """Less than is durable is never taken for the end, whichever segment was cut."""
    for path in segments_of(whole):
        folder = copy_of(whole, "shrunk")
        (folder / "events" / path.name).write_bytes(path.read_bytes()[:-10])

        found, error = replayed(folder)

        expected, expected_error = read(folder)
        assert isinstance(error, LedgerReplaced | LedgerDamaged)
        assert told(error) == told(expected_error)
        assert expected == raw_lines(whole)[: len(expected)]
        assert found == raw_lines(whole)[: len(found)]
        assert len(expected) <= len(found) < LAST


def test_a_log_that_shrinks_under_it_is_an_error(tmp_path: Path) -> None:
    """The mark was read before, so what is missing by then is missed."""
    folder = tmp_path / "runs"
    with EventLog.open(folder, segment_bytes=4096) as log:
        for number in range(30):
            log.append(acknowledgement(f"note {number}"))
    stretches = replay(LogReader(folder))
    assert next(stretches).position < 31

    cut(folder, 10)

    with pytest.raises((LedgerReplaced, LedgerDamaged)):
        list(stretches)
    assert mark_of(folder)[2] == 31


def test_a_missing_segment_is_an_error(whole: Path) -> None:
    """What lies before it is given; the error names it."""
    for number, path in enumerate(segments_of(whole)):
        folder = copy_of(whole, "missing")
        (folder / "events" / path.name).unlink()

        found, error = replayed(folder)

        assert told(error) == told(read(folder)[1])
        assert error is not None
        assert number == 0 or len(found) in (int(path.stem) - 1, int(path.stem) - 2)
