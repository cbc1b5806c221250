"""A log in a folder of its own, which grows as far as a check wants, and the models built of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

import msgspec

from ledger import LogReader, NewEvent
from ledger.disk.folder import Identity, LedgerFolder
from ledger.disk.lock import open_lock_file
from ledger.disk.mark import Mark, write_mark
from ledger.events import LedgerCreated
from ledger.line.codec import FORMAT, ZERO_HASH, Body, encode_body, encode_line, leaf_hash
from ledger.line.replayed import ReplayedEvent, decode_replayed
from ledger.writers.machine import boot_id
from projections.engine.projector import Projector
from projections.errors import ProjectionFailed
from projections.read_model.queries import query
from projections.testing.contract import ContractBroken
from projections.testing.kept_rows import Contents, KeptRows

__all__ = ["ScratchLog", "Written", "encode_written", "lines_of", "write_log"]

_LEDGER_ID = "a-ledger-of-the-contract-kit"
_CREATED_AT = "2026-01-15T10:00:00.000000Z"
_ALL = 1 << 40


class Written(msgspec.Struct, frozen=True):
    """What a line says that the log adds its place to."""

    body: Body
    recorded_at: str
    rest: int = 0


def lines_of(events: Sequence[NewEvent]) -> list[bytes]:
    """Give the lines of a log that holds events, each appended by itself; legal or not.

    Args:
        events: in the order of the log, without ``ledger_created``, which is put before them.
    """
    begin = events[0].occurred_at if events else datetime.fromisoformat(_CREATED_AT)
    created = LedgerCreated(ledger_id=_LEDGER_ID, format=FORMAT)
    told = [NewEvent(created, None, _event_id(0), begin), *events]
    written: list[Written] = []
    recorded_at = ""
    for event in told:
        body = encode_body(event)
        # No clock is looked at: it is recorded when it occurred, or when the one before it was.
        recorded_at = max(recorded_at, body.occurred_at)
        written.append(Written(body, recorded_at))
    return encode_written(written)


def _event_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012x}"


def encode_written(written: Iterable[Written]) -> list[bytes]:
    """Give lines their positions, sequences and hashes; each without its newline."""
    lines: list[bytes] = []
    sequences: dict[str, int] = {}
    prev = ZERO_HASH
    for position, (body, recorded_at, rest) in enumerate(map(msgspec.structs.astuple, written), 1):
        sequence = 0
        if body.run_id is not None:
            sequence = sequences[body.run_id] = sequences.get(body.run_id, 0) + 1
        line = encode_line(
            body,
            position=position,
            prev=prev,
            sequence=sequence,
            rest=rest,
            recorded_at=recorded_at,
        )
        lines.append(line[:-1])
        prev = leaf_hash(lines[-1])
    return lines


def write_log(folder: Path | str, lines: Sequence[bytes]) -> None:
    """Lay out a data folder whose log holds these lines; everything else is derived from it."""
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    LedgerFolder(path).create(Identity(_LEDGER_ID, FORMAT, _CREATED_AT))
    data = b"".join(line + b"\n" for line in lines)
    LedgerFolder(path).segment(1).write_bytes(data)
    _put_mark(path, Mark(1, len(data), len(lines), boot_id()))


def _put_mark(folder: Path, mark: Mark) -> None:
    """Say how far the log is durable."""
    fd = open_lock_file(LedgerFolder(folder).lock)
    try:
        write_mark(fd, mark)
    finally:
        os.close(fd)


class ScratchLog:
    """A copy of a log, of which as much is durable as ``show`` says, and its models."""

    def __init__(self, place: Path, log: Path | str | Sequence[bytes], rows: KeptRows) -> None:
        """Copy a log into ``place``, for models of one projection.

        Args:
            place: an empty folder.
            log: a data folder, which is only read, or lines without their newlines.
            rows: those of the projection.

        Raises:
            LedgerNotFound: there is no ledger in the folder.
            LedgerDamaged: a line is not what was written.
        """
        self.folder = place / "ledger"
        self._rows = rows
        if isinstance(log, Path | str):
            there = LogReader(log).folder
            shutil.copytree(there.events, self.folder / "events")
            for path in (there.identity_file, there.lock):
                if path.exists():
                    shutil.copy(path, self.folder)
        else:
            write_log(self.folder, log)
        lines = list(LogReader(self.folder).read_lines())
        self._marks = [
            Mark(line.end.segment, line.end.offset, line.end.position, boot_id()) for line in lines
        ]
        self.events: list[ReplayedEvent] = [decode_replayed(line.raw) for line in lines]

    @property
    def positions(self) -> list[int]:
        """The positions of all events."""
        return [mark.position for mark in self._marks]

    def run_at(self, key: object) -> str | None:
        """Name the run whose first event has this position."""
        return next((event.run_id for event in self.events if event.position == key), None)

    def show(self, count: int) -> None:
        """Let the first ``count`` events be durable, and no more."""
        _put_mark(self.folder, self._marks[count - 1])

    def forget_models(self) -> None:
        """Begin without a read model."""
        shutil.rmtree(self.folder / "read-models", ignore_errors=True)

    def projector(self, batch: int = _ALL) -> Projector:
        """Give a projector that knows nothing of what others did; to be closed."""
        projections = [self._rows.another()]
        return Projector(LogReader(self.folder), projections=projections, batch=batch)

    def build(self, count: int) -> Contents:
        """Build a model of the first ``count`` events from zero, and read it."""
        self.forget_models()
        self.show(count)
        with closing(self.projector()) as projector:
            self.catch_up(projector)
            return self.read(projector)

    def begin(self) -> None:
        """Make a model of nothing but the first event, to be caught up from there."""
        self.build(1)

    def catch_up(self, projector: Projector) -> None:
        """Bring the model to all that is durable.

        Raises:
            ContractBroken: the projection failed on an event.
        """
        try:
            projector.catch_up(LogReader(self.folder).position)
        except ProjectionFailed as error:
            raise self._failed(error.position, error.error) from error

    def read(self, projector: Projector) -> Contents:
        """Read what the current model holds.

        Raises:
            ContractBroken: an event is parked.
        """
        path = projector.models.current()
        if path is None:
            return {}
        with closing(projector.models.reading(path)) as connection:
            for _, position, _, kind, reason in connection.execute(query("parked")):
                raise self._failed(position, f"{kind} was parked: {reason}")
            return self._rows.kept_in(connection)

    def _failed(self, position: int, reason: str) -> ContractBroken:
        return ContractBroken(self._rows.projection.name, "total", None, position, reason)
