"""The last part of what a command printed, kept while all of it passes by."""

from __future__ import annotations

__all__ = ["TAIL_BYTES", "OutputTail"]

TAIL_BYTES = 8 * 1024
_LONGEST_LINE = 400


class OutputTail:
    """The last 8 KiB of a stream of bytes."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._cut = False

    def take(self, data: bytes) -> None:
        """Take in what came next, and forget what no longer fits."""
        self._kept += data
        surplus = len(self._kept) - TAIL_BYTES
        if surplus > 0:
            self._cut = True
            del self._kept[:surplus]

    def text(self) -> str:
        """Give the tail as text; bytes that are not UTF-8 become U+FFFD."""
        kept = bytes(self._kept)
        if self._cut:
            # The cut may have gone through a character: the rest of it is not worth three U+FFFD.
            start = 0
            while start < min(3, len(kept)) and kept[start] & 0xC0 == 0x80:  # noqa: PLR2004 - a continuation byte is 0b10xxxxxx
                start += 1
            kept = kept[start:]
        return kept.decode(errors="replace")

    def last_line(self) -> str:
        """Give the last line that is not blank, shortened; empty where there is none."""
        lines = self.text().split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return last if len(last) <= _LONGEST_LINE else last[: _LONGEST_LINE - 1] + "…"
