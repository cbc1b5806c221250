"""Parts of a log folded apart, as workers do: together they come to what one fold gives."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import LogReader, NewEvent
from ledger.disk.folder import Identity, LedgerFolder
from ledger.events import EventData, LedgerCreated
from ledger.line.codec import FORMAT, ZERO_HASH, encode_body, leaf_hash
from ledger.line.replayed import decode_replayed, decode_together
from projections.engine.fold_worker import FoldedPart, fold_part
from projections.engine.parallel_fold import place_of
from tests.ledger.strategies import valid_runs
from tests.projections.ledgers import append, stories
from tests.projections.payloads import annotated, began, ended, started
from tests.projections.recorded import at, record_body
from tests.projections.tally import Model, Tally

Told = tuple[EventData, str | None, int]
"""What is said, of which run, and the sequence it says."""


def folded_in_parts(folder: Path, size: int) -> Model:
    """Fold each part by itself, hand it over as a worker would, and put all together."""
    reader, model = LogReader(folder), Model(strict=True)
    model.log = [decode_replayed(event.line) for event in reader.read()]
    for after in range(0, reader.position, size):
        until = min(after + size, reader.position)
        part = fold_part(reader, model.projections, after, until)
        handed = msgspec.msgpack.decode(msgspec.msgpack.encode(part), type=FoldedPart)
        assert leaf_hash(handed.last_line) == reader.leaf_at(until)
        model.folding.take_whole(handed.runs, handed.rows, handed.tallies)
        model.folding.take(decode_together(handed.others))
    model.folding.write()
    return model


def folded_at_once(folder: Path) -> Model:
    """Fold the whole log in one go."""
    model = Model(strict=True)
    model.take([decode_replayed(event.line) for event in LogReader(folder).read()])
    return model


@settings(max_examples=25)
@given(valid_runs(), st.integers(1, 12))
def test_parts_of_any_size_come_to_the_same(events: list[NewEvent], size: int) -> None:
    """Runs within a part, across several, annotated later or never ended."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "runs"
        append(folder, events)

        assert folded_in_parts(folder, size).dump() == folded_at_once(folder).dump()


def test_a_run_within_a_part_is_folded_there(tmp_path: Path) -> None:
    """Its lines are not handed over again, and those of the others are."""
    append(tmp_path, stories(2))
    reader = LogReader(tmp_path)

    whole = fold_part(reader, Model().projections, 0, reader.position)
    half = fold_part(reader, Model().projections, 0, reader.position // 2)

    assert whole.runs == [("run-0000", 2), ("run-0001", 3)]
    assert [decode_replayed(line).position for line in whole.others] == [1]
    assert half.runs == []
    others = sorted(decode_replayed(line).position for line in half.others)
    assert others == list(range(1, 9))


def forge(folder: Path, told: Sequence[Told]) -> None:
    """Write a log whose events say any sequence."""
    identity = Identity("a-forged-ledger", FORMAT, "2026-01-15T10:00:00.000000Z")
    LedgerFolder(folder).create(identity)
    created = LedgerCreated(ledger_id=identity.ledger_id, format=FORMAT)
    prev, lines = ZERO_HASH, b""
    for position, (data, run_id, sequence) in enumerate([(created, None, 0), *told], 1):
        body = encode_body(NewEvent(data, run_id, occurred_at=at(position)))
        line = record_body(body, position=position, sequence=sequence, prev=prev).line
        prev, lines = leaf_hash(line), lines + line + b"\n"
    LedgerFolder(folder).segment(1).write_bytes(lines)


BETWEEN: list[Told] = [(started(), f"between-{number}", 1) for number in range(4)]
ODD: dict[str, list[Told]] = {
    "its first event comes second": [
        (began("a"), "r", 2),
        (started(), "r", 1),
        (ended(), "r", 3),
        *BETWEEN,
        (annotated("x"), "r", 4),
    ],
    "its first event is missing": [*BETWEEN, (began("a"), "r", 2), (ended(), "r", 3)],
    "it ended, and begins again": [
        (started(), "r", 1),
        (ended(), "r", 2),
        *BETWEEN,
        (started(), "r", 1),
    ],
    "it goes on, and begins again": [(started(), "r", 1), *BETWEEN, (began("a"), "r", 1)],
}


@pytest.mark.parametrize("case", ODD)
@pytest.mark.parametrize("size", [1, 3, 5, 100])
def test_sequences_that_do_not_count_up_hide_nothing(tmp_path: Path, case: str, size: int) -> None:
    """Each event is folded into the one run that it is of, in the order of the log."""
    forge(tmp_path, ODD[case])

    assert folded_in_parts(tmp_path, size).dump() == folded_at_once(tmp_path).dump()


@pytest.mark.parametrize("first", [[], [(ended(), "r", 2)]])
def test_a_run_that_begins_in_two_parts_is_refused(tmp_path: Path, first: list[Told]) -> None:
    """Whether it goes on or has ended: only one who sees all in order can fold it."""
    again: list[Told] = [(started(), "r", 1), (ended(), "r", 2)]
    forge(tmp_path, [(started(), "r", 1), *first, *BETWEEN[: 4 - len(first)], *again])

    with pytest.raises(sqlite3.IntegrityError):
        folded_in_parts(tmp_path, 6)

    assert folded_in_parts(tmp_path, 100).dump() == folded_at_once(tmp_path).dump()


class OfKind:
    """A projection with a parameter and no dictionary, which a worker would make otherwise."""

    __slots__ = ("kind",)

    def __init__(self, kind: str = "all") -> None:
        """Take the parameter."""
        self.kind = kind


def test_only_what_a_worker_can_make_is_folded_by_one() -> None:
    """A class of a module, made without parameters; all else is folded where it was made."""

    class Local(Tally):
        """Nobody else can find it."""

    with_a_value = Tally()
    with_a_value.name = "other"

    assert place_of(Tally()) == "tests.projections.tally:Tally"
    odd: list[Any] = [Local(), with_a_value, OfKind("load")]
    assert [place_of(one) for one in odd] == [None, None, None]


FOLD_BESIDE = """
import sys
from pathlib import Path
from projections.engine.parallel_fold import folded_parts
from projections.registry import registered
((position, part),) = folded_parts(Path(sys.argv[1]), registered(), 0, 17)
print(position, part.runs)
"""


def test_a_worker_runs_no_file_that_lies_about(tmp_path: Path) -> None:
    """A user's own ``ledger.py`` in the folder where they are is not taken for ours."""
    append(tmp_path / "runs", stories(2))
    (tmp_path / "ledger.py").write_text("raise SystemExit('not ours')")

    ran = subprocess.run(
        [sys.executable, "-P", "-c", FOLD_BESIDE, tmp_path / "runs"],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ran.stdout, ran.stderr) == ("17 [('run-0000', 2), ('run-0001', 3)]\n", "")
