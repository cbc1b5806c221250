"""The boundary: which payloads may enter the log, and what is said of those that may not."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from pydantic import BaseModel, ValidationError

from ledger.errors import InvalidEvent
from ledger.events import (
    EVENT_TYPES,
    RUNLESS_TYPES,
    ErrorInfo,
    EventData,
    ImportedRun,
    NewEvent,
    RunAbandoned,
    RunAnnotated,
    RunEnded,
    RunStarted,
    StageCompleted,
    StageSkipped,
    StageStarted,
    WriterIdentity,
    build,
)
from ledger.identifiers import NAME_RULE
from tests.ledger.examples import run_started
from tests.ledger.strategies import event_data

WRITER = WriterIdentity(host="h", machine_id="m", boot_id="b", pid=1)
IMPORTED = {
    "run_id": "old-1",
    "started_at": datetime(2020, 1, 1, tzinfo=UTC),
    "ended_at": None,
    "result": None,
    "failure_reason": None,
    "stages_executed": (),
    "stages_failed": (),
    "retry_count": 0,
    "metadata": {},
}


def refused(model: type[EventData], **fields: object) -> InvalidEvent:
    """Build a payload that may not be, and give the error."""
    with pytest.raises(InvalidEvent) as caught:
        build(model, **fields)
    return caught.value


def nested(levels: int) -> Any:
    """Make lists inside lists."""
    value: Any = 0
    for _ in range(levels):
        value = [value]
    return value


def test_the_types_are_these() -> None:
    """The stored names are a promise, so the list is written down twice."""
    assert sorted(EVENT_TYPES) == [
        "failure_acknowledged",
        "ledger_created",
        "ledger_recovered",
        "ledger_repaired",
        "run_abandoned",
        "run_annotated",
        "run_ended",
        "run_imported",
        "run_started",
        "stage_completed",
        "stage_failed",
        "stage_skipped",
        "stage_started",
        "stage_stopped",
    ]
    assert sorted(RUNLESS_TYPES) == [
        "failure_acknowledged",
        "ledger_created",
        "ledger_recovered",
        "ledger_repaired",
    ]


@pytest.mark.parametrize("model", EVENT_TYPES.values(), ids=lambda model: model.type)
def test_each_type_is_a_frozen_model_without_room_for_more(model: type[EventData]) -> None:
    """No payload can be changed after it was made, and none takes a key it does not know."""
    assert model.model_config["frozen"] is True
    assert model.model_config["extra"] == "forbid"
    assert model.schema_version == 1


@given(event_data)
def test_a_payload_cannot_be_changed(data: EventData) -> None:
    """Setting any field of any payload is refused."""
    for name in type(data).model_fields:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(data, name, None)


def test_events_and_inner_models_cannot_be_changed() -> None:
    """The event around the payload is a value too, and so is what lies inside."""
    event = run_started("r")

    with pytest.raises(AttributeError):
        event.run_id = "other"  # type: ignore[misc]
    for inner in (WRITER, ErrorInfo(type="E", message=""), ImportedRun.model_validate(IMPORTED)):
        assert isinstance(inner, BaseModel)
        assert inner.model_config["frozen"] is True


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (float("nan"), "metrics: object.loss: nan is not JSON"),
        (float("inf"), "object.loss: inf is not JSON"),
        (float("-inf"), "object.loss: -inf is not JSON"),
        ([1, {"deep": float("nan")}], "object.loss[1].deep: nan is not JSON"),
        (2**63, "object.loss: integer beyond 64 bits"),
        (-(2**63) - 1, "object.loss: integer beyond 64 bits"),
        ("\ud800", "object.loss: lone surrogate at character 0"),
        ({"a\udfff": 1}, "object.loss key: lone surrogate at character 1"),
        ({1: 2}, "object.loss: key 1 is not a string"),
        (object(), "object.loss: object is not a JSON value"),
        (b"bytes", "object.loss: bytes is not a JSON value"),
        (datetime(2026, 1, 1, tzinfo=UTC), "object.loss: datetime is not a JSON value"),
    ],
)
def test_what_json_readers_disagree_on_is_refused(value: Any, place: str) -> None:
    """NaN, infinities, big integers, lone surrogates and foreign objects are named by place."""
    error = refused(
        StageCompleted, stage="a", attempt=1, elapsed_seconds=1, metrics={"loss": value}
    )

    assert error.field == "metrics"
    assert place in str(error)


@pytest.mark.parametrize(
    "value", [2**63 - 1, -(2**63), 1.7976931348623157e308, 5e-324, "\U0010ffff", "\x00", True]
)
def test_what_lies_on_the_boundary_is_taken(value: Any) -> None:
    """The largest and smallest values that every reader understands are fine."""
    data = build(RunAnnotated, metadata={"value": value}, actor="anna")

    assert data.metadata == {"value": value}
    assert json.loads(data.model_dump_json())["metadata"] == {"value": value}


def test_an_object_may_be_64_levels_deep() -> None:
    """The object itself is the first level; the 65th is refused, and so is any more."""
    assert build(RunAnnotated, metadata={"v": nested(63)}, actor="anna").metadata
    for levels in (64, 65, 5000):
        error = refused(RunAnnotated, metadata={"v": nested(levels)}, actor="anna")
        assert "nested deeper than 64 levels" in error.reason


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (RunStarted, {"trigger": "\ud800"}),
        (RunStarted, {"code_version": "\udfff"}),
        (RunAnnotated, {"note": "a\ud800"}),
        (StageSkipped, {"reason": "\ud800"}),
        (RunEnded, {"failure_reason": "\ud800"}),
        (StageCompleted, {"output_tail": "\ud800"}),
    ],
)
def test_a_lone_surrogate_in_a_text_is_refused(
    model: type[EventData], fields: dict[str, object]
) -> None:
    """UTF-8 cannot carry half a character, so no text field takes one."""
    sound: dict[type[EventData], dict[str, object]] = {
        RunStarted: {"pipeline": "p", "writer": WRITER},
        RunAnnotated: {"actor": "anna"},
        StageSkipped: {"stage": "a"},
        RunEnded: {"result": "failed", "elapsed_seconds": 0},
        StageCompleted: {"stage": "a", "attempt": 1, "elapsed_seconds": 0},
    }

    assert refused(model, **sound[model], **fields).field in fields


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "/",
        "a/b",
        "a\n",
        "\n",
        "a\x00b",
        "a\x7f",
        "-x",
        "a b",
        "é",
        "a" * 129,
        "a\\b",
    ],
)
def test_a_pipeline_name_is_an_identifier(name: str) -> None:
    """Dots alone, slashes, control characters, a newline at the end and 129 letters are refused."""
    error = refused(RunStarted, pipeline=name, writer=WRITER)

    assert str(error) == f"pipeline: {name[:64]!r} is not a name: {NAME_RULE}"


@pytest.mark.parametrize(
    "stage",
    ["", "/", "/a", "a/", "a//b", "a/../b", "./a", "a/.", "a\n", "a/b\n", "a\x00", "a" * 129],
)
def test_a_stage_name_is_identifiers_joined_by_slashes(stage: str) -> None:
    """Each part is an identifier, so no part is empty, a dot or longer than 128 letters."""
    assert refused(StageStarted, stage=stage, attempt=1).field == "stage"


@pytest.mark.parametrize("stage", ["a", "load/orders", "a/b/c", "a" * 128, "x.y:z_0-1/9"])
def test_stages_inside_stages_have_names(stage: str) -> None:
    """One part or several are fine."""
    assert build(StageStarted, stage=stage, attempt=1).stage == stage


def test_a_stage_name_takes_at_most_512_letters() -> None:
    """The whole name is bounded, whatever its parts."""
    longest = "/".join(["a" * 127] * 4)
    assert len(longest) == 511
    assert build(StageStarted, stage=longest + "b", attempt=1).stage
    assert refused(StageStarted, stage=longest + "bc/d", attempt=1).field == "stage"


@pytest.mark.parametrize("attempt", [0, -1, 2**63, 1.5, "one", None])
def test_attempts_are_counted_from_one(attempt: Any) -> None:
    """Zero, less, a fraction and a word are no number of an attempt."""
    assert refused(StageStarted, stage="a", attempt=attempt).field == "attempt"


@pytest.mark.parametrize("seconds", [-0.001, float("nan"), float("inf"), None, "long"])
def test_a_duration_is_finite_and_not_negative(seconds: Any) -> None:
    """A clock step never gives a negative duration, nor an endless one."""
    assert refused(RunEnded, result="success", elapsed_seconds=seconds).field == "elapsed_seconds"


@pytest.mark.parametrize("result", ["", "ok", "SUCCESS", None, "abandoned"])
def test_there_are_three_results(result: Any) -> None:
    """A run ends in success, failed or stopped."""
    assert refused(RunEnded, result=result, elapsed_seconds=1).field == "result"


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1])
@pytest.mark.parametrize(
    ("type_name", "field"),
    [
        (model.type, name)
        for model in EVENT_TYPES.values()
        for name, info in model.model_fields.items()
        if info.annotation is int
    ],
)
def test_no_field_takes_an_integer_beyond_64_bits(type_name: str, field: str, number: int) -> None:
    """Every integer of a payload fits the 64 bits that all JSON readers and databases have."""
    model = EVENT_TYPES[type_name]

    with pytest.raises(ValidationError) as caught:
        model.model_validate({field: number})

    wrong = [error["loc"] for error in caught.value.errors() if error["type"] != "missing"]
    assert wrong == [(field,)]


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1])
def test_nor_does_one_of_an_inner_model(number: int) -> None:
    """A process id and a count of retries are bounded too."""
    error = refused(RunStarted, pipeline="p", writer={**WRITER.model_dump(), "pid": number})
    assert error.field == "writer.pid"
    with pytest.raises(ValidationError, match="retry_count"):
        ImportedRun.model_validate(IMPORTED | {"retry_count": number})
    assert RunAbandoned(detected_by="d", host="h", pid=2**63 - 1, last_sequence=0).pid


def test_an_imported_run_has_zoned_times() -> None:
    """A naive time is refused; one with a zone becomes the same moment in UTC."""
    east = timezone(timedelta(hours=9))
    with pytest.raises(ValidationError, match="a time needs its zone"):
        ImportedRun.model_validate(
            IMPORTED | {"started_at": datetime(2020, 1, 1)}  # noqa: DTZ001 - what is refused
        )

    run = ImportedRun.model_validate(IMPORTED | {"started_at": datetime(2020, 1, 1, tzinfo=east)})

    assert run.started_at == datetime(2019, 12, 31, 15, tzinfo=UTC)
    assert run.started_at.tzinfo is UTC


def test_the_edges_of_the_calendar_are_refused_as_any_other_value() -> None:
    """A zoned time that does not exist in UTC is an invalid event, not an accident."""
    east = timezone(timedelta(hours=9))
    too_early = datetime(1, 1, 1, tzinfo=east)

    with pytest.raises(ValidationError, match="started_at"):
        ImportedRun.model_validate(IMPORTED | {"started_at": too_early})


def test_an_error_names_the_first_wrong_field() -> None:
    """The field and the reason are there for a program, and together they are the message."""
    error = refused(StageStarted, stage="a", attempt=0)

    assert (error.field, error.reason) == ("attempt", "0 is too small: 1 is the least")
    assert str(error) == "attempt: 0 is too small: 1 is the least"
    assert refused(StageStarted, stage="a", attempt=1, more=1).field == "more"
    assert refused(StageStarted).field == "stage"


def test_every_new_event_has_an_id_and_a_time_of_its_own() -> None:
    """Where the caller gives none, the id is new and the time is now, in UTC."""
    data = StageStarted(stage="a", attempt=1)
    first, second = NewEvent(data, "r"), NewEvent(data, "r")

    assert first.event_id != second.event_id
    assert first.occurred_at.tzinfo is UTC


def test_an_event_makes_up_a_random_id() -> None:
    """It is a UUID of version 4, and no two are the same."""
    made = [uuid.UUID(NewEvent(run_started("run-1").data, "run-1").event_id) for _ in range(1000)]

    assert {(each.version, each.variant) for each in made} == {(4, uuid.RFC_4122)}
    assert len(set(made)) == len(made)
