"""The line: an event as the bytes that lie in the log, and back to its envelope; no path.

One line is UTF-8, one JSON object, these keys in this order, ended by a newline, at most 65,535
bytes with it (so that a line fits an entry of a C2SP tile, whose length is a big-endian uint16)::

    {"position":7,"prev":"<64 hex>","event_id":"<uuid>","run_id":"…","sequence":3,"rest":0,
     "type":"stage_failed","schema_version":1,"occurred_at":"2026-01-15T10:00:00.123456Z",
     "recorded_at":"…Z","data":{…},"crc":"1f2e3d4c"}

(on one line, without the spaces). ``prev`` is the RFC 6962 leaf hash of the line before,
SHA-256(0x00 || line without newline): one hash per append serves the chain and the Merkle tree.
``crc`` is the CRC-32 of all bytes before ``,"crc":``; it is last and of fixed width, so that the
last line of a log, to which no ``prev`` refers yet, checks itself with a slice and no parse.

Raw bytes are what is hashed, and no payload is ever serialised again to be checked. The keys around
it are, and white space between tokens is refused in the payload too. So a line can say the same in
another way only inside a payload, by escapes in a text, digits of a number, or a key that is there
twice.
``docs/format.md`` says the same for a stranger who writes a verifier.
"""

from __future__ import annotations

import hashlib
import zlib

import msgspec

from ledger.errors import BadLine, EventTooLarge, InvalidEvent
from ledger.identifiers import EVENT_ID, NAME_RULE, is_run_id
from ledger.line.times import decode_time
from ledger.plain_values import utc_text
from ledger.recorded import RUNLESS_TYPES, NewEvent

__all__ = [
    "FORMAT",
    "MAX_BATCH",
    "MAX_LINE",
    "ZERO_HASH",
    "Body",
    "Envelope",
    "body_fingerprint",
    "decode_envelope",
    "encode_body",
    "encode_line",
    "is_compact",
    "leaf_hash",
]

FORMAT = 1
MAX_LINE = 65_535
MAX_BATCH = 4 * 1024 * 1024
ZERO_HASH = "0" * 64

_CRC_WIDTH = len(b',"crc":"00000000"}')
_ENVELOPE_RESERVE = 512
_OPENING = ord("{")
# To copy a hash that has begun costs half of beginning one, for which OpenSSL looks up how.
_BEGUN_LEAF = hashlib.sha256(b"\x00")


class Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of a line but its payload, which stays the bytes it is."""

    position: int
    prev: str
    event_id: str
    run_id: str | None
    sequence: int
    rest: int
    type: str
    schema_version: int
    occurred_at: str
    recorded_at: str
    data: msgspec.Raw
    crc: str


class Body(msgspec.Struct, frozen=True, gc=False):
    """The part of a line that the log adds nothing to, encoded once, outside the lock."""

    event_id: str
    run_id: str | None
    type: str
    schema_version: int
    occurred_at: str
    data: bytes

    @property
    def size(self) -> int:
        """An upper bound of the whole line's bytes."""
        return len(self.data) + len(self.run_id or "") + len(self.type) + _ENVELOPE_RESERVE


def body_fingerprint(event_type: str, schema_version: int, data: bytes) -> int:
    """Tell bodies of one event_id apart, inside this process: 64 bits over type, version, payload.

    Never stored: Python's hash is keyed anew in each process, and six times as fast as SHA-256.
    """
    return hash((event_type, schema_version, data))


def leaf_hash(line: bytes) -> str:
    """RFC 6962 leaf hash of a line without its newline, 64 hex digits."""
    leaf = _BEGUN_LEAF.copy()
    leaf.update(line)
    return leaf.hexdigest()


def encode_body(event: NewEvent) -> Body:
    """Encode what the caller decides of a line.

    Raises:
        InvalidEvent: the id or the time is not one; names the field.
        EventTooLarge: the payload alone is over the line limit.
    """
    if event.run_id is not None and not is_run_id(event.run_id):
        raise InvalidEvent("run_id", f"{event.run_id!r} is not a name: {NAME_RULE}")
    if (event.run_id is None) is not (event.data.type in RUNLESS_TYPES):
        raise InvalidEvent("run_id", f"{event.data.type} {_needs_run(event)}")
    if not EVENT_ID.fullmatch(event.event_id):
        raise InvalidEvent("event_id", f"{event.event_id!r} is not a lower-case UUID")
    if event.occurred_at.tzinfo is None:
        raise InvalidEvent("occurred_at", "a naive time is refused: give its zone")
    try:
        occurred_at = utc_text(event.occurred_at)
    except OverflowError:
        raise InvalidEvent("occurred_at", "a time beyond the calendar of UTC") from None
    data = event.data
    body = Body(
        event.event_id,
        event.run_id,
        data.type,
        data.schema_version,
        occurred_at,
        data.as_json(),
    )
    if body.size > MAX_LINE:
        raise EventTooLarge(
            "data",
            f"the line would take {body.size} bytes; the limit is {MAX_LINE}",
            size=body.size,
            limit=MAX_LINE,
        )
    return body


def _needs_run(event: NewEvent) -> str:
    return "belongs to a run: name it" if event.run_id is None else "belongs to no run"


def encode_line(
    body: Body, *, position: int, prev: str, sequence: int, rest: int, recorded_at: str
) -> bytes:
    """Encode one whole line with its newline; ``recorded_at`` is 27 characters of UTC."""
    run_id = "null" if body.run_id is None else f'"{body.run_id}"'
    envelope = (
        f'{{"position":{position},"prev":"{prev}","event_id":"{body.event_id}","run_id":{run_id},'
        f'"sequence":{sequence},"rest":{rest},"type":"{body.type}",'
        f'"schema_version":{body.schema_version},"occurred_at":"{body.occurred_at}",'
        f'"recorded_at":"{recorded_at}","data":'
    )
    checked = envelope.encode() + body.data
    return b'%b,"crc":"%08x"}\n' % (checked, zlib.crc32(checked))


_decode_struct = msgspec.json.Decoder(Envelope).decode
_encode_struct = msgspec.json.Encoder().encode


def decode_envelope(line: bytes) -> Envelope:
    """Check one line (without its newline) by its CRC and read all but its payload.

    Raises:
        BadLine: says what is not as the format wants it.
    """
    if len(line) >= MAX_LINE:
        raise BadLine(f"the line has {len(line) + 1} bytes; the limit is {MAX_LINE}")
    checked, suffix = line[:-_CRC_WIDTH], line[-_CRC_WIDTH:]
    expected = b',"crc":"%08x"}' % zlib.crc32(checked)
    if suffix != expected:
        raise BadLine(_describe_crc(suffix, expected))
    try:
        str(line, "utf-8")  # msgspec takes the payload as it lies, unseen
        envelope = _decode_struct(line)
        compact = is_compact(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadLine(f"not a line of format {FORMAT}: {error}") from None
    if not compact:
        raise BadLine(f"not a line of format {FORMAT}: white space between tokens")
    if _encode_struct(envelope) != line:
        reason = "a key stands twice or not in its place, or a value is written in another way"
        raise BadLine(f"not a line of format {FORMAT}: {reason}")
    decode_time(envelope.occurred_at, "occurred_at")
    decode_time(envelope.recorded_at, "recorded_at")
    if memoryview(envelope.data)[0] != _OPENING:
        raise BadLine("data is not an object")
    return envelope


def is_compact(text: bytes) -> bool:
    """Tell whether no white space is between the tokens of a JSON text on one line.

    Raises:
        msgspec.DecodeError: it is no JSON.
    """
    if not (b" " in text or b"\t" in text or b"\r" in text):
        return True
    return msgspec.json.format(text, indent=-1) == text


def _describe_crc(suffix: bytes, expected: bytes) -> str:
    if suffix.startswith(b',"crc":"'):
        told, given = suffix[8:16].decode(errors="replace"), expected[8:16].decode()
        return f"crc is {told}, but the bytes before it give {given}"
    return 'does not end in "crc"'
