"""The event that a line records: the envelope that the codec read, and its payload as a model.

Apart from the codec, as the models take long to be made, and whoever only writes needs none.
"""

from __future__ import annotations

import msgspec
from pydantic import ValidationError

from ledger.events import EVENT_TYPES, EventData
from ledger.faults import faults_of
from ledger.line.codec import Envelope, decode_envelope
from ledger.line.lenient_json import read_leniently
from ledger.line.times import decode_time
from ledger.line.upcasters import upcast
from ledger.recorded import RecordedEvent, UnreadData

__all__ = ["decode", "recorded_event"]


def decode(line: bytes) -> RecordedEvent:
    """Decode one line (without its newline) into the event it records.

    A type or schema version that this version does not know gives ``UnreadData``, never an error.

    Raises:
        BadLine: the line is not what the format says.
    """
    return recorded_event(decode_envelope(line), line)


def recorded_event(envelope: Envelope, line: bytes) -> RecordedEvent:
    """Make the event of a line whose envelope was decoded already.

    Raises:
        BadLine: a time is not what the format says, or the payload is nested too deeply.
    """
    return RecordedEvent(
        envelope.position,
        envelope.prev,
        envelope.event_id,
        envelope.run_id,
        envelope.sequence,
        envelope.rest,
        envelope.type,
        envelope.schema_version,
        decode_time(envelope.occurred_at, "occurred_at"),
        decode_time(envelope.recorded_at, "recorded_at"),
        _decode_data(envelope),
        line,
    )


def _decode_data(envelope: Envelope) -> EventData | UnreadData:
    model = EVENT_TYPES.get(envelope.type)
    if model is None:
        return _unread(envelope.data, f"unknown type {envelope.type!r}")
    try:
        if envelope.schema_version == model.schema_version:
            return model.model_validate_json(bytes(envelope.data))
        value = upcast(envelope.type, envelope.schema_version, read_leniently(bytes(envelope.data)))
        return model.model_validate(value)
    except LookupError:
        return _unread(envelope.data, f"unknown schema version {envelope.schema_version}")
    except ValidationError as error:
        place, reason = faults_of(error)[0]
        return _unread(envelope.data, f"data.{place}: {reason}")


def _unread(data: msgspec.Raw, reason: str) -> UnreadData:
    return UnreadData(read_leniently(bytes(data)), reason)
