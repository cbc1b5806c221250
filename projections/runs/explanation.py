"""Explain a summary: for each field the events that set it, and the rule; and the events ignored.

The fold itself is asked, event by event, so there is one definition of it. A field that events
write as a whole is marked before each event: where the mark is gone after it, the event set the
field, be it to the value that was there already. A field that grows, like the attempts, is compared
before and after, part by part.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict

from ledger import LogReader
from ledger.errors import InvalidEvent
from ledger.events import EVENT_TYPES, RUNLESS_TYPES
from ledger.line.replayed import ReplayedEvent, is_unread
from ledger.reading.replay import replay_run
from projections.listing.run_history import RunHistory
from projections.listing.runs_page import RunDetail
from projections.runs.anomalies import irregularities
from projections.runs.field_rules import FIELD_RULES
from projections.runs.kept_attempts import AttemptState
from projections.runs.run_fold import evolve, initial, list_values, summarize
from projections.runs.run_state import RunState, SkippedState
from projections.runs.run_summary import Liveness, RunSummary

__all__ = [
    "Explanation",
    "FieldExplanation",
    "IgnoredEvent",
    "PartExplanation",
    "check_field",
    "explain",
    "explain_detail",
    "explain_events",
]

_DERIVED = ("stages_executed", "stages_failed", "retry_count")
_GROWING = (*_DERIVED, "stages_skipped", "notes", "anomalies", "attempts")
_STANDING = ("last_position", "last_sequence", "last_event_at")
_BY_NO_EVENT = ("run_id", "liveness")
_WHOLE = tuple(
    field
    for field in RunSummary.model_fields
    if field not in (*_GROWING, *_STANDING, *_BY_NO_EVENT, "metadata")
)

_TOLD_BY_ANY_EVENT = frozenset({*_STANDING, "anomalies"})
_MARK: Any = object()

# A field, and a part of it: ``("metadata", ".day")``; the part of a field as a whole is empty.
_Part = tuple[str, str]


class PartExplanation(BaseModel):
    """How a part of a field came about, like one key of the metadata.

    Attributes:
        part: where it is: ``.day`` is a key, ``[load#1].result`` that of an attempt, ``[5]`` the
            note or the anomaly at a position.
        set_by: the position of the event that set what stands now.
        overwritten: the positions of those that set it before.
    """

    model_config = ConfigDict(frozen=True)

    part: str
    set_by: int
    overwritten: tuple[int, ...]


class FieldExplanation(BaseModel):
    """How a field of a summary came about.

    Attributes:
        field: its name.
        value: its value, as it is served.
        set_by: the positions of the events that set what stands now, in order.
        overwritten: the positions of those that set it before, and of which nothing stands.
        rule: how events come to this field, as a sentence.
        parts: of a field that events write in parts: each by itself, the first that was set first.
    """

    model_config = ConfigDict(frozen=True)

    field: str
    value: Any
    set_by: tuple[int, ...]
    overwritten: tuple[int, ...]
    rule: str
    parts: tuple[PartExplanation, ...] = ()


class IgnoredEvent(BaseModel):
    """An event that changed nothing but where the run stands, and its anomalies; and why."""

    model_config = ConfigDict(frozen=True)

    position: int
    type: str
    rule: str
    reason: str


class Explanation(BaseModel):
    """How a summary came about: its fields in their order, and the events that were ignored.

    Attributes:
        run_id: the run.
        fields: its fields, in their order.
        ignored: the events that changed nothing.
        position: the position of the last event of the run that was looked at.
    """

    model_config = ConfigDict(frozen=True)

    run_id: str
    fields: tuple[FieldExplanation, ...]
    ignored: tuple[IgnoredEvent, ...]
    position: int

    def only(self, field: str) -> Explanation:
        """Leave out all fields but one.

        Raises:
            InvalidEvent: a summary has no such field.
        """
        name = check_field(field)
        kept = tuple(one for one in self.fields if one.field == name)
        return self.model_copy(update={"fields": kept})


def check_field(field: str) -> str:
    """Give the name of a field, if a summary has it.

    Raises:
        InvalidEvent: it has not; names those that it has.
    """
    if field not in FIELD_RULES:
        raise InvalidEvent("field", f"{field!r} is none of {', '.join(FIELD_RULES)}")
    return field


def explain(history: RunHistory, run_id: str) -> Explanation | None:
    """Explain the summary of a run, from its events in the log; None when it is unknown.

    Raises:
        LedgerDamaged: an event of the run is not what was written, or one is missing.
    """
    found = history.run_detail(run_id)
    return None if found is None else explain_detail(history.reader, found)


def explain_detail(reader: LogReader, found: RunDetail) -> Explanation:
    """Explain the summary of a run that was found, as of the position that it reflects."""
    summary = RunSummary.model_validate_json(found.text)
    # What was appended since is left out, so that the liveness is that of the same moment.
    events = replay_run(reader, summary.run_id, summary.last_position)
    return explain_events(summary.run_id, events, summary.liveness)


def explain_events(
    run_id: str, events: Iterable[ReplayedEvent], liveness: Liveness | None = None
) -> Explanation:
    """Explain what one run's events come to.

    Args:
        run_id: the run.
        events: its events, in order.
        liveness: what is known of its writer, which no event tells.
    """
    setters: dict[str, dict[str, list[int]]] = {field: {} for field in FIELD_RULES}
    ignored = []
    state = initial(run_id)
    grown = _growing_values(state)
    for event in events:
        before, state = state, evolve(state, event)
        if state is before:
            continue
        less, grown = grown, _growing_values(state)
        parts = {*_written(before, event), *_changed_parts(less, grown)}
        if all(field in _TOLD_BY_ANY_EVENT for field, _ in parts):
            ignored.append(_ignored(before, state, event))
        for field, part in parts:
            setters[field].setdefault(part, []).append(event.position)
    values = summarize(state, liveness).model_dump(mode="json")
    fields = [_explained(field, values[field], setters[field]) for field in FIELD_RULES]
    return Explanation(
        run_id=run_id,
        fields=tuple(fields),
        ignored=tuple(ignored),
        position=values["last_position"],
    )


def _written(before: RunState, event: ReplayedEvent) -> Iterator[_Part]:
    """Give what an event writes, whatever stood there before."""
    marked = replace(
        before,
        metadata=dict.fromkeys(before.metadata, _MARK),
        **dict.fromkeys(_WHOLE, _MARK),
    )
    after = evolve(marked, event)
    yield from ((field, "") for field in _WHOLE if getattr(after, field) is not _MARK)
    yield from (
        ("metadata", f".{key}") for key, value in after.metadata.items() if value is not _MARK
    )
    if after.imported_stages is not before.imported_stages:
        yield from ((field, "") for field in _DERIVED)
    yield from ((field, "") for field in _STANDING)


def _growing_values(state: RunState) -> Mapping[str, Any]:
    values = {**list_values(state), "attempts": state.attempts.all()}
    return {field: values[field] for field in _GROWING}


def _changed_parts(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[_Part]:
    """Give the parts of the growing fields that are not what they were."""
    for field, value in after.items():
        if isinstance(value, tuple):
            yield from ((field, part) for part in _changed_members(before[field], value))
        elif value != before[field]:
            yield field, ""


def _changed_members(before: tuple[Any, ...], after: tuple[Any, ...]) -> Iterator[str]:
    # Of a long run nearly all members stay the very same, and need no closer look.
    same = list(map(operator.is_, before, after))
    first = same.index(False) if False in same else len(same)
    gone = {_name_of(member): member for member in before[first:]}
    come = {_name_of(member): member for member in after[first:]}
    for name in {**gone, **come}:
        was, now = _parts_of(gone.get(name)), _parts_of(come.get(name))
        for part in {**was, **now}:
            if was.get(part, _MARK) != now.get(part, _MARK):
                yield f"[{name}]{part}"


def _name_of(member: Any) -> str:  # noqa: ANN401 - a member of any growing field
    if isinstance(member, str):
        return member
    if isinstance(member, AttemptState):
        return f"{member.stage}#{member.attempt}"
    return member.stage if isinstance(member, SkippedState) else str(member.position)


def _parts_of(member: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
    """Take an attempt apart, which one event begins and another completes."""
    if isinstance(member, AttemptState):
        return {f".{name}": value for name, value in msgspec.structs.asdict(member).items()}
    return {} if member is None else {"": member}


def _ignored(before: RunState, after: RunState, event: ReplayedEvent) -> IgnoredEvent:
    """Say why an event was ignored."""
    # An odd sequence or clock is listed too, but no reason to ignore an event.
    odd = irregularities(before, event)
    broken = [one for one in after.anomalies[len(before.anomalies) :] if one not in odd]
    if broken:
        rule, reason = broken[0].rule, broken[0].reason
    elif is_unread(event):
        rule = "unread_payload" if event.type in EVENT_TYPES else "unknown_type"
        reason = event.data.reason
    elif event.type in RUNLESS_TYPES:
        rule, reason = "unused_type", f"the summary of a run does not use {event.type}"
    else:
        rule, reason = "nothing_said", f"this {event.type} says nothing that a field holds"
    return IgnoredEvent(position=event.position, type=event.type, rule=rule, reason=reason)


def _explained(
    field: str,
    value: Any,  # noqa: ANN401 - any JSON value
    setters: Mapping[str, list[int]],
) -> FieldExplanation:
    """Tell the events of which something stands, the last of each part, from those before."""
    standing = {positions[-1] for positions in setters.values()}
    every = {position for positions in setters.values() for position in positions}
    return FieldExplanation(
        field=field,
        value=value,
        set_by=tuple(sorted(standing)),
        overwritten=tuple(sorted(every - standing)),
        rule=FIELD_RULES[field],
        parts=tuple(
            PartExplanation(part=part, set_by=positions[-1], overwritten=tuple(positions[:-1]))
            for part, positions in sorted(setters.items(), key=lambda one: (one[1][0], one[0]))
            if part
        ),
    )
