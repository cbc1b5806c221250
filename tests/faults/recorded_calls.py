"""The calls that changed a disk, read from what the tracer wrote down.

One line of ``strace -f -xx`` is one call; of a call that another thread came between, there are
two. A sync is given twice in any case, at its begin and at its end: only what was written before
it began is made durable by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

__all__ = ["RECORDED", "SYNC_BEGUN", "Call", "read_calls"]

RECORDED = (
    *("openat", "close", "lseek", "write", "pwrite64", "writev", "ftruncate", "truncate"),
    *("fsync", "fdatasync", "rename", "unlink", "mkdir", "rmdir", "link"),
)
"""What is to be traced: all by which the programs of the fault runs change files and folders."""

SYNC_BEGUN = "sync begun"
_SYNCS = ("fsync", "fdatasync")
_LINE = re.compile(r"(\d+) +(.*)")
_RESUMED = re.compile(r"<\.\.\. \w+ resumed>")
_CALL = re.compile(r"(\w+)\((.*)\) += (-?\d+)")
_TEXT = re.compile(r'"([^"]*)"')


@dataclass(frozen=True)
class Call:
    """One call: who made it, its texts and its other arguments in order, and what it gave."""

    thread: int
    name: str
    texts: tuple[bytes, ...]
    words: tuple[str, ...]
    result: int

    def number(self, at: int) -> int:
        """Give one of the arguments that are no text as a number."""
        return int(self.words[at])


def read_calls(lines: Iterable[str]) -> Iterator[Call]:
    """Read a trace; what was never finished did not happen, but for a sync that began."""
    begun: dict[int, str] = {}
    for line in lines:
        if (found := _LINE.match(line)) is None:
            continue
        thread, text = int(found[1]), found[2]
        if text.endswith("<unfinished ...>"):
            begun[thread] = text.removesuffix("<unfinished ...>")
            yield from _sync_begun(thread, begun[thread])
            continue
        if resumed := _RESUMED.match(text):
            text = begun.pop(thread) + text[resumed.end() :]
        else:
            yield from _sync_begun(thread, text)
        if call := _CALL.match(text):
            texts = tuple(bytes.fromhex(part.replace("\\x", "")) for part in _TEXT.findall(call[2]))
            words = tuple(_TEXT.sub("", call[2]).replace(" ", "").split(","))
            yield Call(thread, call[1], texts, words, int(call[3]))


def _sync_begun(thread: int, text: str) -> Iterator[Call]:
    name, _, rest = text.partition("(")
    if name in _SYNCS:
        yield Call(thread, SYNC_BEGUN, (), (rest.partition(")")[0].strip(),), 0)
