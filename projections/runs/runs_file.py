"""``runs.jsonl``: one line for each end of a run, for people with ``tail`` and spreadsheets.

Each line is the summary as of its terminal event: exactly its first nine keys, in order, with the
spacing of ``json.dumps``. A real end after a presumed one adds a line; the last line
of a run wins. The checkpoint beside the read models knows the file's length, so a crash between
the two neither doubles nor loses a line, and a file that is rebuilt is the same to the byte.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from ledger import LogReader
from ledger.disk.files import open_file, read_file, replace_atomically, sync_data
from ledger.disk.lock import FolderLock
from ledger.errors import LedgerDamaged, LedgerError, LedgerReplaced
from ledger.lifecycle import RunPhase
from ledger.line.codec import ZERO_HASH
from ledger.line.replayed import ReplayedEvent, decode_replayed
from ledger.reading.replay import replay, replay_run
from ledger.reading.sound_reading import OutOfReach
from projections.engine.projector import PATIENCE
from projections.runs.run_fold import evolve, fold, initial, list_item
from projections.runs.run_state import RunState
from projections.runs.run_summary import FIRST_NINE

__all__ = ["RunsFile", "runs_file_line"]

_ENDS = frozenset({"run_ended", "run_abandoned", "run_imported"})
_BUFFER = 1 << 20


class _Checkpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ledger_id: str
    position: int
    leaf: str
    length: int
    # The first position that was out of reach; 0 where none was.
    lost: int = 0


def runs_file_line(state: RunState) -> str:
    """Write what a run has come to as one line of ``runs.jsonl``."""
    # As it is served, but with no model made of it: a server writes these lines beside answering.
    served = msgspec.json.decode(msgspec.json.encode(list_item(state)))
    return json.dumps({name: served[name] for name in FIRST_NINE}) + "\n"


class RunsFile:
    """The ``runs.jsonl`` of one data folder."""

    PORTION = 100_000
    """Events that are read in a second or so: enough at once where others wait."""

    def __init__(self, log: LogReader | Path | str) -> None:
        """Keep the file of a ledger: by its reader, or the data folder.

        Raises:
            LedgerNotFound: there is none in the folder.
        """
        self._reader = log if isinstance(log, LogReader) else LogReader(log)
        self.path = self._reader.folder.runs_file
        self._checkpoint_file = self._reader.folder.read_models / "runs.jsonl.checkpoint"

    def catch_up(self, *, most: int = sys.maxsize) -> int:
        """Write the lines of all ends since the checkpoint; give the number of lines written.

        Args:
            most: how many events to read; the next call goes on behind them.

        Raises:
            LockTimeout: another process is writing them and did not finish in time.
            LedgerDamaged: the log cannot be read.
        """
        self._checkpoint_file.parent.mkdir(exist_ok=True)
        lock = FolderLock(self._checkpoint_file.with_name("runs.jsonl.lock"), PATIENCE)
        try:
            with lock.hold():
                return self._write_from(self._valid_checkpoint(), most)
        finally:
            lock.close()

    def _valid_checkpoint(self) -> _Checkpoint:
        """Read the checkpoint, if the file and the log still are what it was made from."""
        nothing = _Checkpoint(self._reader.identity.ledger_id, 0, ZERO_HASH, 0)
        try:
            found = msgspec.json.decode(read_file(self._checkpoint_file), type=_Checkpoint)
            leaf = self._reader.leaf_at(found.position)
        except (OSError, UnicodeDecodeError, msgspec.DecodeError, LedgerError):
            return nothing
        same = found.leaf == leaf and found.ledger_id == nothing.ledger_id
        if found.lost and self._leaf_at(found.lost):
            # What was lost was restored, and has its lines among those that were written.
            return nothing
        return found if same and self._length() >= found.length else nothing

    def _length(self) -> int:
        """Give the length of the file; -1 where there is none."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return -1

    def _write_from(self, checkpoint: _Checkpoint, most: int) -> int:
        last = min(self._reader.position, checkpoint.position + most)
        if (last, self._length()) == (checkpoint.position, checkpoint.length):
            return 0
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
        written, lost = 0, checkpoint.lost
        with os.fdopen(open_file(self.path, flags), "ab", buffering=_BUFFER) as file:
            file.truncate(checkpoint.length)
            try:
                for line in self._lines(checkpoint.position, last):
                    file.write(line.encode())
                    written += 1
            except (LedgerDamaged, LedgerReplaced):
                # Runs are folded from their first sound event on, so that none is looked up; in one
                # go, as each begins at the first position there is.
                last = self._reader.position
                file.truncate(0)
                sound = _SoundEvents(self._reader, last)
                written = 0
                for line in _seed_lines(sound, None):
                    file.write(line.encode())
                    written += 1
                lost = sound.lost
            file.flush()
            sync_data(file.fileno())
            length = os.fstat(file.fileno()).st_size
        reached = _Checkpoint(checkpoint.ledger_id, last, self._leaf_at(last), length, lost)
        replace_atomically(self._checkpoint_file, msgspec.json.encode(reached))
        return written

    def _lines(self, after: int, last: int) -> Iterator[str]:
        """Yield a line for each end after a position.

        A run that began before is folded from its own events, once its end is met.
        """

        def begin(event: ReplayedEvent) -> RunState:
            run_id = event.run_id or ""
            return fold(replay_run(self._reader, run_id, event.position - 1), initial(run_id))

        stretches = replay(self._reader, after, last)
        return _seed_lines((event for stretch in stretches for event in stretch.events), begin)

    def _leaf_at(self, position: int) -> str:
        """Give the leaf hash of a line; empty where the line is out of reach."""
        try:
            return self._reader.leaf_at(position)
        except (LedgerDamaged, LedgerReplaced):
            return ""


class _SoundEvents:
    """The events that can be read; ``lost`` is the first position that could not, 0 for none."""

    def __init__(self, reader: LogReader, last: int) -> None:
        self._reader = reader
        self._last = last
        self.lost = 0

    def __iter__(self) -> Iterator[ReplayedEvent]:
        for item in self._reader.read_sound(0, self._last):
            if not isinstance(item, OutOfReach):
                yield decode_replayed(item.line)
            elif item.count and not item.repaired:
                self.lost = self.lost or item.first


def _seed_lines(
    events: Iterable[ReplayedEvent], begin: Callable[[ReplayedEvent], RunState] | None
) -> Iterator[str]:
    """Yield a line for each end; ``begin`` gives a run that began before as it stood then.

    Without it, a run begins with the first event that there is of it.
    """
    going_on: dict[str, RunState] = {}
    ended: set[str] = set()
    for event in events:
        run_id = event.run_id
        if run_id is None or run_id in ended:
            continue
        before = going_on.get(run_id)
        if before is None and event.sequence > 1 and begin is not None:
            if event.type not in _ENDS:
                continue
            before = begin(event)
        before = before or initial(run_id)
        state = going_on[run_id] = evolve(before, event)
        if _has_ended(before, state):
            yield runs_file_line(state)
        if state.lifecycle.phase is RunPhase.ENDED:
            # Nothing that follows an end makes another line.
            del going_on[run_id]
            ended.add(run_id)


def _has_ended(before: RunState, after: RunState) -> bool:
    """Tell a terminal event from one that broke the lifecycle, and so ended nothing."""
    phase = after.lifecycle.phase
    moved = phase is not before.lifecycle.phase
    return moved and phase in (RunPhase.ENDED, RunPhase.ABANDONED) and after.result is not None
