"""Find what is sound among damaged bytes: bytes and values only, no file.

A fragment is a row of lines that follow each other without a flaw. Damage splits a segment into
several, and may leave some that do not belong: a line that was doubled, moved or inserted. Of all
fragments those are taken that hold the most lines with rising positions. Where two claim the same
position the later one is believed, since it is the one that what follows refers to.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from ledger.errors import BadLine
from ledger.line.codec import MAX_LINE, Envelope, decode_envelope, leaf_hash

__all__ = ["Fragment", "choose_fragments", "find_fragments", "split_lines"]

_HEAD = b'{"position":'
_TRIES = 64
_NEAR = 8


class Fragment(msgspec.Struct):
    """Lines that follow each other; ``prev`` is the first one's, ``leaf`` that of the last."""

    start: int
    stop: int
    first: int
    last: int
    prev: str
    leaf: str

    @property
    def size(self) -> int:
        """How many lines it holds."""
        return self.last - self.first + 1


def split_lines(pieces: Iterable[bytes], start: int = 0) -> Iterator[tuple[int, bytes]]:
    """Yield (offset, bytes without the newline) of all that could be a line, in bounded memory.

    Of what is longer than a line may be, only the end is given: a line may lie there whole.
    """
    at, pending = start, b""
    for piece in pieces:
        data = pending + piece
        begin = 0
        while (stop := data.find(b"\n", begin)) >= 0:
            begin = max(begin, stop - MAX_LINE + 1)
            yield at + begin, data[begin:stop]
            begin = stop + 1
        begin = max(begin, len(data) - MAX_LINE)
        pending = data[begin:]
        at += begin


def find_fragments(lines: Iterable[tuple[int, bytes]], low: int, high: int) -> list[Fragment]:
    """Put the sound lines with positions from ``low`` to ``high`` together into fragments."""
    found: list[Fragment] = []
    for offset, raw in lines:
        sound = _sound_part(raw)
        if sound is None:
            continue
        skipped, envelope = sound
        if not low <= envelope.position <= high:
            continue
        start, stop = offset + skipped, offset + len(raw) + 1
        leaf = leaf_hash(raw[skipped:])
        if found and _follows(envelope, start, found[-1]):
            found[-1].stop, found[-1].last, found[-1].leaf = stop, envelope.position, leaf
        else:
            position = envelope.position
            found.append(Fragment(start, stop, position, position, envelope.prev, leaf))
    return found


def _follows(envelope: Envelope, start: int, fragment: Fragment) -> bool:
    return (
        start == fragment.stop
        and envelope.position == fragment.last + 1
        and envelope.prev == fragment.leaf
    )


def _sound_part(raw: bytes) -> tuple[int, Envelope] | None:
    """Find the sound line that these bytes are, or end with; where it begins.

    A newline that was damaged joins a line to the one before it.
    """
    at = 0
    for _ in range(_TRIES):
        try:
            return at, decode_envelope(raw[at:])
        except BadLine:
            at = raw.find(_HEAD, at + 1)
            if at < 0:
                break
    return None


def choose_fragments(found: Sequence[Fragment], leaf: str = "") -> list[tuple[Fragment, int]]:
    """Choose the fragments that belong to the log, each with the last position to take of it.

    ``leaf`` is what the line after all of them refers to, where that is known: of two that claim
    the last position it tells the right one.
    """
    best: list[int] = []
    before: list[int] = []
    # Of the fragments so far, those that no other beats: rising in their last position and score.
    lasts: list[int] = []
    front: list[int] = []
    for number, fragment in enumerate(found):
        at = bisect_left(lasts, fragment.first)
        score, previous = (best[front[at - 1]], front[at - 1]) if at else (0, -1)
        for near in range(max(0, number - _NEAR), number):
            other = found[near]
            if other.first < fragment.first <= other.last <= fragment.last:
                shared = other.last - fragment.first + 1
                shortened = best[near] - shared - (other.leaf == leaf)
                if shortened > score:
                    score, previous = shortened, near
        best.append(score + fragment.size + (fragment.leaf == leaf))
        before.append(previous)
        _put_in_front(number, fragment.last, best, lasts, front)
    return _trace_back(found, before, front[-1] if front else -1)


def _put_in_front(
    number: int, last: int, best: Sequence[int], lasts: list[int], front: list[int]
) -> None:
    at = bisect_left(lasts, last + 1)
    if at and best[front[at - 1]] >= best[number]:
        return
    begin = at - 1 if at and lasts[at - 1] == last else at
    end = begin
    while end < len(front) and best[front[end]] <= best[number]:
        end += 1
    lasts[begin:end] = [last]
    front[begin:end] = [number]


def _trace_back(
    found: Sequence[Fragment], before: Sequence[int], number: int
) -> list[tuple[Fragment, int]]:
    chosen: list[tuple[Fragment, int]] = []
    limit = found[number].last if number >= 0 else 0
    while number >= 0:
        fragment = found[number]
        chosen.append((fragment, min(fragment.last, limit)))
        limit = fragment.first - 1
        number = before[number]
    return chosen[::-1]
