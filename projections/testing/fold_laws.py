"""The laws of the fold alone: values in, values out, one run at a time, no model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from ledger.line.codec import ZERO_HASH, Body, encode_line
from ledger.line.replayed import ReplayedEvent, decode_replayed
from projections.testing.contract import ContractBroken
from projections.testing.kept_rows import Contents, KeptRows

__all__ = ["check_fold", "fold_run"]

_FEW = 8
_ROOM = 3
_BEGINS = frozenset({"run_started", "run_imported"})
_UNKNOWN = (("contract_kit_was_here", 1), ("run_annotated", 1_000_000))
_NO_DATA = b'{"of":"the contract kit","list":[1,2.5,null]}'
_GOING_ON = "going on from a state that was read again"
_encode = msgspec.msgpack.encode
Found = TypeVar("Found")


def check_fold(rows: KeptRows, run_id: str, events: Sequence[ReplayedEvent]) -> None:
    """Check the fold over the events of one run.

    Raises:
        ContractBroken: a law does not hold.
    """
    fold = _Fold(rows, run_id)
    kept = fold.walk(events)
    fold.check_stored(events, kept)
    fold.check_duplicates(events, kept)
    if [event.sequence for event in events] == list(range(1, len(events) + 1)):
        fold.check_unknown(events)


def fold_run(rows: KeptRows, run_id: str, events: Sequence[ReplayedEvent]) -> object:
    """Give the state after the events of one run."""
    state: object = rows.projection.initial(run_id)
    for event in events:
        state = rows.projection.evolve(state, event)
    return state


class _Fold:
    """The projection at one run, where each step can be checked."""

    def __init__(self, rows: KeptRows, run_id: str) -> None:
        self._rows = rows
        self._projection = rows.projection
        self._run_id = run_id
        self._decode = msgspec.msgpack.Decoder(rows.projection.state_type).decode

    def _broken(self, law: str, event: ReplayedEvent | None, difference: str) -> ContractBroken:
        position = event.position if event is not None else 0
        return ContractBroken(self._projection.name, law, self._run_id, position, difference)

    def _total(self, event: ReplayedEvent | None, what: str, call: Callable[[], Found]) -> Found:
        try:
            return call()
        except Exception as error:
            kind = f" on {event.type}" if event is not None else ""
            reason = f"{what} raised {type(error).__name__}{kind}: {error}"
            raise self._broken("total", event, reason) from error

    def _initial(self) -> Any:  # noqa: ANN401 - a state of whatever type
        return self._total(None, "initial", lambda: self._projection.initial(self._run_id))

    def _evolve(self, state: object, event: ReplayedEvent) -> Any:  # noqa: ANN401
        return self._total(event, "evolve", lambda: self._projection.evolve(state, event))

    def _kept(self, state: object, event: ReplayedEvent) -> Contents:
        return self._total(event, "rows", lambda: self._rows.of(state))

    def _stored(self, state: object, event: ReplayedEvent | None) -> bytes:
        try:
            return _encode(state)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            reason = f"the state cannot be stored: {error}"
            raise self._broken("stored", event, reason) from error

    def _same(
        self, law: str, event: ReplayedEvent, expected: Contents, found: Contents, when: str
    ) -> None:
        difference = self._rows.difference(expected, found)
        if difference is not None:
            raise self._broken(law, event, f"{when}, {difference.text}")

    def walk(self, events: Sequence[ReplayedEvent]) -> list[Contents]:
        """Fold step by step, as it is meant to be, and give the rows after each."""
        state = self._initial()
        if self._stored(self._initial(), None) != self._stored(state, None):
            raise self._broken("deterministic", None, "initial gave two states")
        return [self._rows_after(event, state) for event, state in self._steps(state, events)]

    def _steps(
        self, state: object, events: Sequence[ReplayedEvent]
    ) -> Iterator[tuple[ReplayedEvent, object]]:
        for event in events:
            before, told = self._stored(state, event), _encode(event)
            following = self._evolve(state, event)
            if self._stored(state, event) != before:
                raise self._broken("pure", event, f"evolve changed the state on {event.type}")
            if _encode(event) != told:
                raise self._broken("pure", event, f"evolve changed the event, a {event.type}")
            once = self._stored(following, event)
            if self._stored(self._evolve(state, event), event) != once:
                reason = f"evolve gave two states on {event.type}"
                raise self._broken("deterministic", event, reason)
            yield event, following
            state = following

    def _rows_after(self, event: ReplayedEvent, state: object) -> Contents:
        before = self._stored(state, event)
        kept = self._kept(state, event)
        misfit = self._rows.misfit(kept)
        if misfit is not None:
            raise self._broken("plain", event, misfit)
        if self._stored(state, event) != before:
            raise self._broken("pure", event, "rows changed the state")
        self._same("deterministic", event, kept, self._kept(state, event), "asked again")
        return kept

    def check_stored(self, events: Sequence[ReplayedEvent], kept: Sequence[Contents]) -> None:
        """Store the state and read it again between all events."""
        state = self._initial()
        for event, expected in zip(events, kept, strict=True):
            state = self._evolve(self._read(state, event), event)
            self._same("stored", event, expected, self._kept(state, event), _GOING_ON)
            again = self._kept(self._read(state, event), event)
            self._same("stored", event, expected, again, "after it was read again")

    def _read(self, state: object, event: ReplayedEvent) -> object:
        try:
            return self._decode(self._stored(state, event))
        except msgspec.DecodeError as error:
            reason = f"the state cannot be read again: {error}"
            raise self._broken("stored", event, reason) from error

    def check_duplicates(self, events: Sequence[ReplayedEvent], kept: Sequence[Contents]) -> None:
        """Fold each event twice, and now and then all that were folded so far."""
        state = self._initial()
        step = max(1, len(events) // _FEW)
        for number, (event, expected) in enumerate(zip(events, kept, strict=True), 1):
            state = self._evolve(state, event)
            again = events[:number] if number % step == 0 or number == len(events) else [event]
            for known in again:
                state = self._evolve(state, known)
                found = self._kept(state, known)
                when = f"when {known.type} at position {known.position} came again"
                self._same("duplicates", event, expected, found, when)

    def check_unknown(self, events: Sequence[ReplayedEvent]) -> None:
        """Fold events of unknown types and versions between all others."""
        plain = with_unknown = self._initial()
        sequence = 0
        for event in events:
            # There is room for others between two positions.
            placed = replace(event, position=event.position * _ROOM)
            plain = self._evolve(plain, placed)
            sequence += 1
            with_unknown = self._evolve(with_unknown, replace(placed, sequence=sequence))
            expected = self._rows.settled(self._kept(plain, placed))
            self._same_settled(event, expected, with_unknown, "later on")
            begun = events[0].type in _BEGINS
            for behind, (kind, version) in enumerate(_UNKNOWN if begun else _UNKNOWN[:1], 1):
                sequence += 1
                place = (placed.position + behind, sequence)
                unknown = _unknown(placed, kind, version, *place)
                with_unknown = self._evolve(with_unknown, unknown)
                self._same_settled(event, expected, with_unknown, f"after {kind} {version}")

    def _same_settled(
        self, event: ReplayedEvent, expected: Contents, state: object, when: str
    ) -> None:
        found = self._rows.settled(self._kept(state, event))
        self._same("unknown types", event, expected, found, when)


def _unknown(
    before: ReplayedEvent, kind: str, version: int, position: int, sequence: int
) -> ReplayedEvent:
    """Make an event of a type or version that nobody knows, at the moment of another one."""
    event_id = f"00000000-0000-4000-8000-{position:012x}"
    body = Body(event_id, before.run_id, kind, version, before.occurred_text, _NO_DATA)
    line = encode_line(
        body,
        position=position,
        prev=ZERO_HASH,
        sequence=sequence,
        rest=0,
        recorded_at=before.recorded_text,
    )
    return decode_replayed(line[:-1])
