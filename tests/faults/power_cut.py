"""What a disk may hold after a power cut, worked out from the calls that a program made.

The rules are the few that POSIX gives, not those of one file system. What was written before a
sync began that came to its end is there. Of what was written later, any sectors of 512 bytes may be
there or not, with zeros or the old bytes in their place, and the size may have grown or not. A
sync that failed promises nothing of what it was to write, and no later one of the same process
makes up for that: the kernel tells each process once. A size that was cut is written by the next
one that works, as it is no page that is dropped. The entries of a folder are there as far as the
folder itself was synced; of later changes, those up to any one. A sync of a file says nothing of
its name.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from tests.faults.recorded_calls import CLONES, SYNCS, Call

__all__ = ["Disk", "Luck", "always", "mixed", "never"]

SECTOR = 512
Luck = Callable[[], bool]
"""Asked of each thing that no sync has confirmed: is it there after the power cut?"""


def never() -> bool:
    """Keep only what was synced."""
    return False


def always() -> bool:
    """Keep all that was written."""
    return True


def mixed(draw: random.Random) -> Luck:
    """Keep some, more of it or less."""
    share = draw.random()
    return lambda: draw.random() < share


@dataclass
class _Change:
    """Bytes that were put at a place; without bytes, the size that a file was cut or grown to.

    ``failed``: the processes whose sync failed on it, so that no later one of theirs writes it.
    """

    at: int
    data: bytes | None
    failed: set[int] = field(default_factory=set)

    def apply(self, to: bytearray) -> None:
        end = self.at + len(self.data or b"")
        if self.data is None:
            del to[self.at :]
        to.extend(bytes(max(0, end - len(to))))
        if self.data is not None:
            to[self.at : end] = self.data

    def apply_in_part(self, to: bytearray, luck: Luck) -> None:
        """Put some sectors of it there, and the size or not."""
        if self.data is None:
            if luck():
                self.apply(to)
            return
        end = self.at + len(self.data)
        for start in range(self.at - self.at % SECTOR, end, SECTOR):
            begin, stop = max(start, self.at), min(start + SECTOR, end)
            if luck():
                _Change(begin, self.data[begin - self.at : stop - self.at]).apply(to)
        if luck():
            to.extend(bytes(max(0, end - len(to))))


@dataclass
class _File:
    """A file: what is on disk for sure, and what was done to it since."""

    durable: bytearray = field(default_factory=bytearray)
    size: int = 0
    changes: list[_Change] = field(default_factory=list)

    def change(self, at: int, data: bytes | None) -> None:
        self.changes.append(_Change(at, data))
        self.size = at if data is None else max(self.size, at + len(data))

    def sync(self, process: int, begun: Sequence[object], *, worked: bool) -> None:
        """End a sync that began when these changes were to be written."""
        ids = set(map(id, begun))
        synced = [change for change in self.changes if id(change) in ids]
        later = [change for change in self.changes if id(change) not in ids]
        given_up: list[_Change] = []
        for change in synced:
            if not worked and change.data is not None:
                change.failed.add(process)
            if not worked or process in change.failed:
                given_up.append(change)
                continue
            change.apply(self.durable)
            if change.data is None:
                # What lay behind is gone from the cache too, and cannot come back.
                given_up = [before for before in given_up if before.at < change.at]
        self.changes = given_up + later

    def left(self, luck: Luck) -> bytes:
        content = bytearray(self.durable)
        for change in self.changes:
            change.apply_in_part(content, luck)
        return bytes(content)


@dataclass
class _Folder:
    """A folder: its entries as a program sees them, those on disk for sure, and what was done."""

    now: dict[str, _Node] = field(default_factory=dict)
    durable: dict[str, _Node] = field(default_factory=dict)
    changes: list[dict[str, _Node | None]] = field(default_factory=list)

    def change(self, entries: dict[str, _Node | None]) -> None:
        """Make, replace or remove entries, all at once."""
        self.changes.append(entries)
        _put(self.now, entries)

    def sync(self, _process: int, begun: Sequence[object], *, worked: bool) -> None:
        """End a sync that began when these changes were to be written."""
        ids = set(map(id, begun)) if worked else set[int]()
        while self.changes and id(self.changes[0]) in ids:
            _put(self.durable, self.changes.pop(0))

    def left(self, luck: Luck) -> dict[str, _Node]:
        found = dict(self.durable)
        for entries in self.changes:
            if not luck():
                break
            _put(found, entries)
        return found


_Node: TypeAlias = _File | _Folder


def _put(into: dict[str, _Node], entries: dict[str, _Node | None]) -> None:
    for name, node in entries.items():
        if node is None:
            into.pop(name, None)
        else:
            into[name] = node


@dataclass
class _Open:
    """An open file: what it is, where the next write goes, and whether that is always the end."""

    node: _Node
    at: int = 0
    appends: bool = False


_Table: TypeAlias = dict[int, _Open]


class Disk:
    """A folder on a disk, followed call by call; it has what lies there now, safe and sound."""

    def __init__(self, root: Path) -> None:
        """Begin with what is in a folder that stays where it is."""
        self._root = root
        self._top = _folder_of(root)
        self._open: _Table = {}
        self._tables: dict[int, _Table] = {}
        self._syncs: dict[int, Sequence[object]] = {}

    def apply(self, call: Call) -> None:
        """Follow one call of one of the processes."""
        self._open = self._tables.setdefault(call.thread, self._open)
        if call.name in CLONES:
            self._clone(call)
        elif call.name in SYNCS:
            self._sync(call)
        elif call.result >= 0:
            {
                "openat": self._follow_open,
                "close": lambda call: self._open.pop(call.number(0), None),
                "lseek": self._seek,
                "write": self._write,
                "pwrite64": self._write,
                "ftruncate": self._cut,
                "truncate": self._cut,
                "rename": self._rename,
                "unlink": self._unlink,
                "rmdir": self._unlink,
                "mkdir": self._mkdir,
            }.get(call.name, _ignore)(call)

    def _clone(self, call: Call) -> None:
        """Give a new process the open files of the one that made it; a new thread, its table."""
        shared = any("CLONE_FILES" in word for word in call.words)
        self._tables[call.result] = self._open if shared else dict(self._open)

    def _sync(self, call: Call) -> None:
        opened = self._open.get(call.number(0))
        if opened is None:
            return
        if not call.done:
            self._syncs[call.thread] = list(opened.node.changes)
        else:
            begun = self._syncs[call.thread]
            opened.node.sync(id(self._open), begun, worked=call.result == 0)

    def left(self, luck: Luck, target: Path) -> None:
        """Write what is left after a power cut now into a folder that is made for it."""
        _write_out(self._top, target, luck)

    def _place(self, path: bytes) -> tuple[_Folder, str] | None:
        """Find the folder of a path, and its name there; None elsewhere than in the root."""
        inner = os.path.relpath(os.fsdecode(path), self._root)
        if inner.startswith(".."):
            return None
        *folders, name = Path(inner).parts or ("",)
        folder = self._top
        for part in folders:
            found = folder.now.get(part)
            if not isinstance(found, _Folder):
                return None
            folder = found
        return folder, name

    def _follow_open(self, call: Call) -> None:
        place = self._place(call.texts[0])
        self._open.pop(call.result, None)
        if place is None:
            return
        folder, name = place
        flags = call.words[2].split("|")
        node = folder.now.get(name) if name else folder
        if node is None:
            node = _File()
            folder.change({name: node})
        elif "O_TRUNC" in flags and isinstance(node, _File):
            node.change(0, None)
        self._open[call.result] = _Open(node, appends="O_APPEND" in flags)

    def _seek(self, call: Call) -> None:
        if opened := self._open.get(call.number(0)):
            opened.at = call.result

    def _write(self, call: Call) -> None:
        opened = self._open.get(call.number(0))
        if opened is None or not isinstance(opened.node, _File):
            return
        data = call.texts[0][: call.result]
        if call.name == "pwrite64":
            opened.node.change(call.number(3), data)
            return
        at = opened.node.size if opened.appends else opened.at
        opened.node.change(at, data)
        opened.at = at + len(data)

    def _cut(self, call: Call) -> None:
        node: _Node | None = None
        if call.name == "ftruncate":
            opened = self._open.get(call.number(0))
            node = opened.node if opened else None
        elif place := self._place(call.texts[0]):
            node = place[0].now[place[1]]
        if isinstance(node, _File):
            node.change(call.number(1), None)

    def _rename(self, call: Call) -> None:
        source, target = map(self._place, call.texts)
        if source is None or target is None:
            return
        node = source[0].now[source[1]]
        assert source[0] is target[0], "a rename from folder to folder is not followed"
        source[0].change({source[1]: None, target[1]: node})

    def _unlink(self, call: Call) -> None:
        if place := self._place(call.texts[0]):
            place[0].change({place[1]: None})

    def _mkdir(self, call: Call) -> None:
        if place := self._place(call.texts[0]):
            place[0].change({place[1]: _Folder()})


def _ignore(_call: Call) -> None:
    """Follow a call that changes nothing here."""


def _folder_of(path: Path) -> _Folder:
    """Take a folder as it lies there, all of it on disk."""
    entries: dict[str, _Node] = {}
    for item in path.iterdir():
        if item.is_dir():
            entries[item.name] = _folder_of(item)
        else:
            data = item.read_bytes()
            entries[item.name] = _File(bytearray(data), len(data))
    return _Folder(dict(entries), entries)


def _write_out(folder: _Folder, target: Path, luck: Luck) -> None:
    target.mkdir()
    for name, node in folder.left(luck).items():
        if isinstance(node, _Folder):
            _write_out(node, target / name, luck)
        else:
            (target / name).write_bytes(node.left(luck))
