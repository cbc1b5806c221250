"""The fingerprint of a failure: one short text for all failures that a person calls the same.

Pure. It is made of the stage, the class of the error, its message without what differs each time,
and where it was raised; see ``docs/failures.md``, which gives the rule in full.

WARNING: acknowledgements in logs that exist name fingerprints. A changed rule makes those void.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import lru_cache

from projections.failures.blanking import blanked
from projections.failures.raised import Frame, Raised, read_traceback

__all__ = ["DIGITS", "fingerprint_of"]

DIGITS = 16
"""Hex digits of a fingerprint."""

_INNERMOST = 3


# A failure that comes back says the same, and its traceback is the longest text of a log.
@lru_cache(maxsize=256)
def fingerprint_of(
    stage: str | None, error_type: str, message: str, traceback: str | None = None
) -> str:
    """Give the fingerprint of a failure, 16 hex digits.

    Args:
        stage: the stage that failed; None where a run failed outside its stages.
        error_type: the class of the error.
        message: what it says.
        traceback: the text that Python prints, where there is one.
    """
    told = "\n".join([stage or "", error_type, blanked(message), *_origins(traceback or "")])
    return hashlib.sha256(told.encode(errors="backslashreplace")).hexdigest()[:DIGITS]


def _origins(traceback: str) -> Iterator[str]:
    """Say where it was raised, and what error it began with.

    Of a chain, the first and the last are told: those in between are as many as there were tries.
    Of an exception group all are, whatever their order and however often each.
    """
    raised = read_traceback(traceback)
    if any(one.is_member for one in raised):
        yield from sorted({line for one in raised for line in ("".join(_told(one)),)})
        return
    if raised:
        yield from map(_place, _chosen(raised[-1].frames))
    if len(raised) > 1:
        yield from _told(raised[0])


def _told(one: Raised) -> Iterator[str]:
    yield blanked(one.line)
    yield from map(_place, _chosen(one.frames))


def _place(frame: Frame) -> str:
    return f"{frame.file} {frame.function}"


def _chosen(frames: Sequence[Frame]) -> Sequence[Frame]:
    """Choose the innermost frames; and of what is not installed the innermost, to tell callers."""
    inner = frames[:_INNERMOST]
    if any(frame.is_own for frame in inner):
        return inner
    return (*inner, *[frame for frame in frames if frame.is_own][:1])
