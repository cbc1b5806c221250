"""What a ledger refused for good: kept beside the spool, each event once, with the reason.

One JSON object a line, ``{"reason":…,"event":{…}}``. A spool is sent whole until it is removed, so
where its sender died just before that, what was refused is refused again. Only who holds the lock
of the spool writes here.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from ledger.disk.files import read_range, sync_data, sync_folder, write_whole

__all__ = ["SetAside"]


class _Refusal(msgspec.Struct):
    reason: str
    event: msgspec.Raw


class SetAside:
    """The file of the refused events of one spool."""

    def __init__(self, path: Path) -> None:
        """Keep them at ``path``, which need not be there yet."""
        self.path = path
        self._size = -1
        self._events: set[bytes] = set()

    def add(self, events: Sequence[msgspec.Raw], reason: str) -> None:
        """Keep those that are not there yet; all are on disk when this returns.

        Raises:
            OSError: the cause; they may not be given up.
        """
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(self.path, flags, 0o600)
        try:
            if os.fstat(fd).st_size != self._size:
                self._look(fd)
            lines = [
                msgspec.json.encode(_Refusal(reason, event)) + b"\n"
                for event in events
                if bytes(event) not in self._events
            ]
            write_whole(fd, b"".join(lines))
            sync_data(fd)
            self._size = os.fstat(fd).st_size
        finally:
            os.close(fd)
        sync_folder(self.path.parent)
        self._events.update(map(bytes, events))

    def _look(self, fd: int) -> None:
        """Learn what is there; what was not finished is cut, as its event was not given up."""
        data = read_range(fd, 0, os.fstat(fd).st_size)
        whole = data[: data.rfind(b"\n") + 1]
        os.ftruncate(fd, len(whole))
        self._events = set()
        for line in whole.splitlines():
            # Somebody may have written there by hand.
            with suppress(msgspec.DecodeError):
                self._events.add(bytes(msgspec.json.decode(line, type=_Refusal).event))
