"""Read the log for folding, in pieces: over damage, what is sound and what is out of reach."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import msgspec

from ledger import LogReader
from ledger.errors import LedgerDamaged, LedgerReplaced
from ledger.line.codec import leaf_hash
from ledger.line.replayed import ReplayedEvent, decode_replayed
from ledger.reading.replay import Stretch, replay, replay_run
from ledger.reading.sound_reading import OutOfReach
from projections.failures.acknowledgements import note_acknowledgements
from projections.read_model.out_of_reach import note_out_of_reach
from projections.read_model.read_model import Checkpoint

__all__ = ["Piece", "pieces", "refold"]

_ALL = 1 << 62
_CAREFUL = 500


class Piece(msgspec.Struct, frozen=True):
    """A part of the log: the events that can be read, and what could not be.

    ``last_line`` is that of the last event, and ``position`` where the piece ends. ``prev`` is the
    leaf hash that its first line gives for the one before; empty in what was read over damage.
    """

    events: Sequence[ReplayedEvent]
    last_line: bytes
    position: int
    losses: Sequence[OutOfReach] = ()
    prev: str = ""

    def move(self, checkpoint: Checkpoint) -> Checkpoint:
        """Give the checkpoint behind this piece."""
        if not self.events:
            return replace(checkpoint, position=self.position)
        read, leaf = self.events[-1].position, leaf_hash(self.last_line)
        return replace(checkpoint, position=self.position, leaf=leaf, read_position=read)

    def note_losses(self, connection: sqlite3.Connection) -> None:
        """Keep the ranges that could not be read, but for repaired ones, and acknowledgements."""
        note_out_of_reach(connection, self.losses, self.events)
        note_acknowledgements(connection, self.events)


def pieces(
    reader: LogReader, after: int, *, at_most: int = _ALL, until: int | None = None
) -> Iterator[Piece]:
    """Read on after a position, up to ``until`` or the durable mark, in pieces of a size."""
    try:
        for stretch in _stretches(reader, after, at_most, until):
            after = stretch.position
            yield Piece(stretch.events, stretch.lines[-1], after, prev=stretch.prev)
    except (LedgerDamaged, LedgerReplaced):
        yield from _over_damage(reader, after, min(at_most, _CAREFUL), until)


def _stretches(reader: LogReader, after: int, at_most: int, until: int | None) -> Iterator[Stretch]:
    if at_most >= _ALL:
        yield from replay(reader, after, until)
        return
    last = reader.position if until is None else min(until, reader.position)
    while after < last:
        # Where a repair has passed over all of it, there is nothing, but there is more behind.
        until = min(after + at_most, last)
        yield from replay(reader, after, until)
        after = until


def _over_damage(reader: LogReader, after: int, at_most: int, until: int | None) -> Iterator[Piece]:
    events: list[ReplayedEvent] = []
    losses: list[OutOfReach] = []
    line = b""
    for item in reader.read_sound(after, until):
        if isinstance(item, OutOfReach):
            losses.append(item)
            after = max(after, item.last)
        else:
            events.append(decode_replayed(item.line))
            line, after = item.line, item.position
        if len(events) + len(losses) >= at_most:
            yield Piece(events, line, after, losses)
            events, losses = [], []
    if events or losses:
        yield Piece(events, line, after, losses)


def refold(reader: LogReader, run_id: str, until: int) -> Iterable[ReplayedEvent]:
    """Give the events of a run up to a position; where one is damaged, those that are sound."""
    try:
        return list(replay_run(reader, run_id, until))
    except (LedgerDamaged, LedgerReplaced):
        return [
            decode_replayed(item.line)
            for item in reader.read_sound(0, until)
            if not isinstance(item, OutOfReach) and item.run_id == run_id
        ]
