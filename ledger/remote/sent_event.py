"""A new event as a producer sends it; ``wire.py`` says how it is written, and reads it there.

Apart from the reading, which takes the models of all payloads: a producer would wait for them.
"""

from __future__ import annotations

import msgspec

from ledger.line.codec import Body

__all__ = ["as_sent"]


def as_sent(body: Body) -> bytes:
    """Give an encoded event as it is sent."""
    return msgspec.json.encode(
        {
            "event_id": body.event_id,
            "run_id": body.run_id,
            "type": body.type,
            "schema_version": body.schema_version,
            "occurred_at": body.occurred_at,
            "data": msgspec.Raw(body.data),
        }
    )
