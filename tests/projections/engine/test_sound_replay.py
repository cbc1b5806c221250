"""The log in pieces to be folded: however small, each event once, and what is lost is named."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import EventLog, LogReader
from ledger.integrity.repair import repair
from ledger.line.codec import leaf_hash
from ledger.reading.sound_reading import OutOfReach
from projections.engine.sound_replay import pieces, refold
from projections.read_model.read_model import VERSION, Checkpoint
from tests.ledger.damage import flip
from tests.ledger.damaged_logs import Damage, DamagedLog, damages, make_log
from tests.ledger.examples import one_run
from tests.ledger.witness import raw_lines, segments_of

SIZES = (1, 3, 7, 1000)
EMPTY = Checkpoint(VERSION, "a-ledger", 0, "")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a log of six segments."""
    return make_log(tmp_path_factory.mktemp("sound-replay") / "whole")


def read_in_pieces(
    folder: Path, after: int, at_most: int
) -> tuple[list[int], list[OutOfReach], Checkpoint]:
    """Give the positions and losses, and the checkpoint behind them; check each piece."""
    positions: list[int] = []
    losses: list[OutOfReach] = []
    checkpoint = EMPTY
    for piece in pieces(LogReader(folder), after, at_most=at_most):
        assert len(piece.events) <= at_most
        assert piece.events or piece.losses
        positions += [event.position for event in piece.events]
        losses += piece.losses
        checkpoint = piece.move(checkpoint)
        assert checkpoint.position == piece.position
        if piece.events:
            assert checkpoint.read_position == piece.events[-1].position
            assert checkpoint.leaf == leaf_hash(piece.last_line)
    return positions, losses, checkpoint


@pytest.mark.parametrize("at_most", SIZES)
def test_a_sound_log_comes_whole(whole: Path, at_most: int) -> None:
    """From any position, in pieces of any size, up to the leaf hash of the last line."""
    lines = raw_lines(whole)
    for after in (0, 1, 6, 7, len(lines) - 1):
        positions, losses, checkpoint = read_in_pieces(whole, after, at_most)

        assert (positions, losses) == (list(range(after + 1, len(lines) + 1)), [])
        assert checkpoint.leaf == leaf_hash(lines[-1])
    assert read_in_pieces(whole, len(lines), at_most) == ([], [], EMPTY)


@pytest.mark.parametrize("at_most", SIZES)
def test_it_goes_on_behind_what_a_repair_has_passed_over(tmp_path: Path, at_most: int) -> None:
    """Also where more is lost than a piece would hold."""
    folder = make_log(tmp_path / "runs")
    lost = segments_of(folder)[1]
    lost.write_bytes(b"x" * lost.stat().st_size)
    repair(folder, actor="anna", reason="the disk lost a block")
    with EventLog.open(folder) as log:
        log.append_batch(one_run("new"))
    reader = LogReader(folder)

    positions, losses, checkpoint = read_in_pieces(folder, 0, at_most)

    assert positions == [event.position for event in reader.read()]
    assert len(positions) < reader.position - 5
    assert losses == []
    assert checkpoint.position == checkpoint.read_position == reader.position


@settings(max_examples=40)
@given(damages, st.sampled_from(SIZES))
def test_over_damage_each_position_comes_once(
    whole: Path, several: Sequence[Damage], at_most: int
) -> None:
    """As an event or as a loss, in order, up to the last one."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = DamagedLog.of(whole).suffer(several).write_to(Path(scratch) / "damaged")

        positions, losses, checkpoint = read_in_pieces(folder, 0, at_most)
        last = LogReader(folder).position

    assert positions == sorted(positions)
    for item in losses:
        positions += range(item.first, item.last + 1)
    assert sorted(positions) == list(range(1, last + 1))
    assert checkpoint.position == last


def test_a_run_is_folded_again_from_what_is_sound_of_it(tmp_path: Path) -> None:
    """Up to a position; an event that is damaged is left out."""
    folder = make_log(tmp_path / "runs")
    reader = LogReader(folder)
    assert [event.position for event in refold(reader, "run-1", 9)] == [7, 8, 9]
    path = segments_of(folder)[1]
    first = int(path.stem)
    assert first <= 8
    before = sum(len(line) + 1 for line in raw_lines(folder)[first - 1 : 7])
    flip(path, before + 20)

    again = list(refold(LogReader(folder), "run-1", 100))

    assert [event.position for event in again] == [7, 9, 10]
    assert list(refold(reader, "no-such-run", 100)) == []
