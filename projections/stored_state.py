"""The fold's state as bytes, so that folding can go on where it stopped."""

from __future__ import annotations

from pydantic import TypeAdapter

from projections.run_summary import RunState

__all__ = ["decode_state", "encode_state"]

_adapter = TypeAdapter(RunState)


def encode_state(state: RunState) -> bytes:
    """Encode a state as JSON."""
    return _adapter.dump_json(state)


def decode_state(data: bytes) -> RunState:
    """Decode what ``encode_state`` made.

    Raises:
        pydantic.ValidationError: it is not what this version makes.
    """
    return _adapter.validate_json(data)
