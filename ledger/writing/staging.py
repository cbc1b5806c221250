"""Turn batches of new events into lines, in memory: what would be written, or why not.

Values in, values out: the end of the log, the states of the runs and the time are given, nothing is
read or written here. A batch passes whole or fails whole; the batches of a group are independent.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ledger.errors import EventIdConflict, EventTooLarge, IllegalTransition, SequenceConflict
from ledger.lifecycle import Lifecycle, Violation, advance
from ledger.line.codec import MAX_BATCH, Body, body_fingerprint, encode_line, leaf_hash
from ledger.line.walk import End
from ledger.recorded import NewEvent, Receipt
from ledger.writing.run_states import Known, RunState, RunStates

__all__ = ["Batch", "Staging"]


class Batch(msgspec.Struct, frozen=True):
    """Events that are appended together or not at all, with their bodies encoded.

    ``fresh_run`` promises that the run's id was made just now, so the log need not be searched.
    """

    events: Sequence[NewEvent]
    bodies: Sequence[Body]
    expected_sequence: int | None = None
    fresh_run: bool = False


class _Ahead(msgspec.Struct):
    """A run as it will stand when what is staged is written."""

    state: RunState
    sequence: int
    lifecycle: Lifecycle
    added: dict[str, Known]

    def copy(self) -> _Ahead:
        return _Ahead(self.state, self.sequence, self.lifecycle, dict(self.added))


class Staging:
    """The lines of one group of batches, each batch tried on what the ones before it left."""

    def __init__(self, end: End, states: RunStates, now: str, durable_position: int) -> None:
        """Begin at the log's end; ``now`` is 27 characters of UTC."""
        self.end = end
        self.begin = end
        self.durable_position = durable_position
        self.lines: list[bytes] = []
        self.runs: list[str | None] = []
        self.touched_unsynced = False
        self._states = states
        self._recorded_at = max(now, end.recorded_at)
        self._ahead: dict[str | None, _Ahead] = {}

    @property
    def size(self) -> int:
        """Bytes staged so far."""
        return self.end.offset - self.begin.offset

    def add(self, batch: Batch) -> list[Receipt]:
        """Stage one batch, and give the receipts it will have once it is written.

        Raises:
            EventTooLarge: the batch is over the limit.
            SequenceConflict: the run is not where the caller expects it.
            IllegalTransition: the lifecycle forbids one of the events.
            EventIdConflict: an event_id stands for another event.
        """
        ahead: dict[str | None, _Ahead] = {}
        for event in batch.events:
            if event.run_id not in ahead:
                ahead[event.run_id] = self._look_ahead(event.run_id, fresh=batch.fresh_run)
        known = self._check(batch, ahead)
        receipts = self._encode(batch, ahead, known)
        self._ahead.update(ahead)
        return receipts

    def _look_ahead(self, run_id: str | None, *, fresh: bool) -> _Ahead:
        ahead = self._ahead.get(run_id)
        if ahead is not None:
            return ahead.copy()
        state = self._states.get(run_id, self.begin, fresh=fresh)
        return _Ahead(state, state.sequence, state.lifecycle, {})

    def _check(self, batch: Batch, ahead: dict[str | None, _Ahead]) -> list[Known | None]:
        """Find the duplicates, and refuse what may not follow."""
        known = _find_all_known(ahead, batch.bodies)
        first = batch.events[0].run_id
        if batch.expected_sequence is not None and first is not None and not all(known):
            actual = ahead[first].sequence
            if actual != batch.expected_sequence:
                raise SequenceConflict(first, batch.expected_sequence, actual)
        illegal: list[IllegalTransition] = []
        for event, duplicate in zip(batch.events, known, strict=True):
            if duplicate is None and event.run_id is not None:
                run = ahead[event.run_id]
                following = _following(run.lifecycle, event)
                if isinstance(following, Violation):
                    refused = (event.run_id, event.data.type, following.reason, event.event_id)
                    illegal.append(IllegalTransition(*refused))
                else:
                    run.lifecycle = following
        if illegal:
            illegal[0].others = illegal[1:]
            raise illegal[0]
        return known

    def _encode(
        self, batch: Batch, ahead: dict[str | None, _Ahead], known: list[Known | None]
    ) -> list[Receipt]:
        """Stage the lines of a batch, and give its receipts."""
        receipts: list[Receipt] = []
        lines: list[bytes] = []
        runs: list[str | None] = []
        position, leaf, offset = self.end.position, self.end.leaf, self.end.offset
        rest = known.count(None)
        for body, duplicate in zip(batch.bodies, known, strict=True):
            if duplicate is not None:
                receipts.append(self._first_receipt(body, duplicate))
                continue
            position, rest = position + 1, rest - 1
            run_id, run = body.run_id, ahead[body.run_id]
            sequence = run.sequence = run.sequence + (run_id is not None)
            line = encode_line(
                body,
                position=position,
                prev=leaf,
                sequence=sequence,
                rest=rest,
                recorded_at=self._recorded_at,
            )
            leaf = leaf_hash(line[:-1])
            offset += len(line)
            run.added[body.event_id] = Known(position, sequence, leaf, _fingerprint(body))
            receipts.append(Receipt(body.event_id, run_id, position, sequence, leaf, durable=True))
            lines.append(line)
            runs.append(run_id)
        self._take(lines, End(self.end.segment, offset, position, leaf, self._recorded_at))
        self.runs += runs
        return receipts

    def _take(self, lines: list[bytes], end: End) -> None:
        size = end.offset - self.end.offset
        if size > MAX_BATCH:
            reason = f"the batch takes {size} bytes; the limit is {MAX_BATCH}"
            raise EventTooLarge("batch", reason, size=size, limit=MAX_BATCH)
        if lines:
            self.lines += lines
            self.end = end

    def _first_receipt(self, body: Body, known: Known) -> Receipt:
        self.touched_unsynced |= known.position > self.durable_position
        return Receipt(
            body.event_id,
            body.run_id,
            known.position,
            known.sequence,
            known.leaf,
            durable=True,
            duplicate=True,
        )

    def keep(self) -> None:
        """Make the staged states the known ones: the lines were written."""
        for ahead in self._ahead.values():
            ahead.state.end = self.end
            ahead.state.sequence = ahead.sequence
            ahead.state.lifecycle = ahead.lifecycle
            ahead.state.known.update(ahead.added)


def _find_all_known(ahead: dict[str | None, _Ahead], bodies: Sequence[Body]) -> list[Known | None]:
    """Find which bodies are in the log already, and refuse other ones under their ids."""
    found: list[Known | None] = []
    conflicts: list[EventIdConflict] = []
    for body in bodies:
        run = ahead[body.run_id]
        known = run.state.known.get(body.event_id) or run.added.get(body.event_id)
        if known is not None and known.fingerprint != _fingerprint(body):
            conflicts.append(EventIdConflict(body.run_id, body.event_id, known.position))
        found.append(known)
    if conflicts:
        conflicts[0].others = conflicts[1:]
        raise conflicts[0]
    return found


def _fingerprint(body: Body) -> int:
    return body_fingerprint(body.type, body.schema_version, body.data)


def _following(lifecycle: Lifecycle, event: NewEvent) -> Lifecycle | Violation:
    data = event.data
    stage, attempt = getattr(data, "stage", None), getattr(data, "attempt", None)
    return advance(lifecycle, data.type, stage, attempt)
