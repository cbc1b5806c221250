"""What a writer must know of a run before it may append to it: where it stands, and its event ids.

Loaded through the index on first touch; then kept up with what this process appends, and with what
others appended meanwhile, by a look at the new bytes only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import msgspec

from ledger.lifecycle import NOT_BEGUN, Lifecycle, RunPhase, Violation, advance
from ledger.line.codec import Envelope, body_fingerprint
from ledger.line.walk import END_OF_NOTHING, End, Line

__all__ = ["Known", "RunState", "RunStates"]

_MOST_RUNS = 1024


class _StagePart(msgspec.Struct):
    stage: str | None = None
    attempt: int | None = None


_NO_STAGE = _StagePart()
_decode_stage = msgspec.json.Decoder(_StagePart).decode


class Known(msgspec.Struct, frozen=True, gc=False):
    """An event of the run that lies in the log already."""

    position: int
    sequence: int
    leaf: str
    fingerprint: int


@dataclass(slots=True)
class RunState:
    """One run as the log has it up to ``end``: its last sequence, lifecycle, and events by id."""

    sequence: int = 0
    lifecycle: Lifecycle = NOT_BEGUN
    known: dict[str, Known] = field(default_factory=dict)
    end: End = END_OF_NOTHING

    def apply(self, line: Line) -> None:
        """Take in a line of this run, whoever wrote it. What breaks the tables moves nothing."""
        envelope = line.envelope
        part = _stage_of(envelope)
        following = advance(self.lifecycle, envelope.type, part.stage, part.attempt)
        if not isinstance(following, Violation):
            self.lifecycle = following
        self.sequence = envelope.sequence
        self.known[envelope.event_id] = Known(
            envelope.position,
            envelope.sequence,
            line.end.leaf,
            body_fingerprint(envelope.type, envelope.schema_version, bytes(envelope.data)),
        )


def _stage_of(envelope: Envelope) -> _StagePart:
    if not envelope.type.startswith("stage_"):
        return _NO_STAGE
    try:
        return _decode_stage(envelope.data)
    except msgspec.DecodeError:
        return _NO_STAGE


class RunStates:
    """The states of the runs this process writes to; ``None`` stands for the events of no run."""

    def __init__(self, load: Callable[[str | None, End], Iterable[Line]]) -> None:
        """Take ``load``, which gives a run's lines that lie behind an end it was known to."""
        self._load = load
        self._states: dict[str | None, RunState] = {}
        self._tried: set[str] = set()

    def get(self, run_id: str | None, end: End, *, fresh: bool = False) -> RunState:
        """Give the state of one run at the end of the log.

        ``fresh`` ids need no look, but for those that were tried before, which may lie in the log.
        """
        state = self._states.get(run_id)
        if state is None:
            if len(self._states) >= _MOST_RUNS:
                self._drop_some()
            state = self._states[run_id] = RunState()
            if fresh and run_id not in self._tried:
                state.end = end
        if state.end.position < end.position:
            for line in self._load(run_id, state.end):
                state.apply(line)
            state.end = end
            if run_id is not None:
                self._tried.discard(run_id)
        return state

    def _drop_some(self) -> None:
        """Forget the runs that ended; where all go on, the half that was touched first."""
        ended = [
            run_id
            for run_id, state in self._states.items()
            if state.lifecycle.phase in (RunPhase.ENDED, RunPhase.ABSENT)
        ]
        for run_id in ended or list(self._states)[: _MOST_RUNS // 2]:
            del self._states[run_id]

    def forget(self) -> None:
        """Drop everything: an append failed, or the log was found otherwise than it was known."""
        self._tried.update(run_id for run_id in self._states if run_id is not None)
        self._states.clear()
