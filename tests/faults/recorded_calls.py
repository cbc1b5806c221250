"""The calls that changed a disk, read from what the tracer wrote down.

One line of ``strace -f -xx`` is one call; of a call that another thread came between, there are
two. A sync is given at its begin too, as it makes durable only what was written before; and the
making of a thread or process before all that this one does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

__all__ = ["CLONES", "RECORDED", "SYNCS", "Call", "read_calls"]

RECORDED = (
    *("openat", "close", "lseek", "write", "pwrite64", "writev", "ftruncate", "truncate"),
    *(
        "fsync",
        "fdatasync",
        "rename",
        "unlink",
        "mkdir",
        "rmdir",
        "clone",
        "clone3",
        "fork",
        "vfork",
    ),
)
"""What is to be traced: all by which the programs of the fault runs change files and folders."""

SYNCS = ("fsync", "fdatasync")
CLONES = ("clone", "clone3", "fork", "vfork")
_LINE = re.compile(r"(\d+) +(.*)")
_RESUMED = re.compile(r"<\.\.\. \w+ resumed>")
_CALL = re.compile(r"(\w+)\((.*)\) += (-?\d+)")
_TEXT = re.compile(r'"([^"]*)"')


@dataclass(frozen=True)
class Call:
    """One call: who made it, its texts and its other arguments in order, and what it gave.

    ``done`` is false where the call has only begun.
    """

    thread: int
    name: str
    texts: tuple[bytes, ...]
    words: tuple[str, ...]
    result: int = 0
    done: bool = True

    def number(self, at: int) -> int:
        """Give one of the arguments that are no text as a number."""
        return int(self.words[at])


def read_calls(lines: Iterable[str]) -> Iterator[Call]:
    """Read a trace; what was never finished did not happen, but for the begin of a sync."""
    calls = list(_in_order(lines))
    makers = {call.result: call for call in calls if call.name in CLONES and call.result > 0}
    for call in calls:
        if call.thread in makers:
            yield makers.pop(call.thread)
        if call.name not in CLONES or makers.pop(call.result, None) is not None:
            yield call


def _in_order(lines: Iterable[str]) -> Iterator[Call]:
    begun: dict[int, str] = {}
    for line in lines:
        if (found := _LINE.match(line)) is None:
            continue
        thread, text = int(found[1]), found[2]
        if text.endswith("<unfinished ...>"):
            begun[thread] = text.removesuffix("<unfinished ...>")
            yield from _begin_of(thread, begun[thread])
            continue
        if resumed := _RESUMED.match(text):
            text = begun.pop(thread) + text[resumed.end() :]
        else:
            yield from _begin_of(thread, text)
        if call := _CALL.match(text):
            texts = tuple(bytes.fromhex(part.replace("\\x", "")) for part in _TEXT.findall(call[2]))
            yield Call(thread, call[1], texts, _words(call[2]), int(call[3]))


def _begin_of(thread: int, text: str) -> Iterator[Call]:
    name, _, rest = text.partition("(")
    if name in SYNCS:
        yield Call(thread, name, (), _words(rest.partition(")")[0]), done=False)


def _words(arguments: str) -> tuple[str, ...]:
    return tuple(_TEXT.sub("", arguments).replace(" ", "").split(","))
