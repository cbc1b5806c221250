"""The one error of the market data pipeline: a file that cannot be used, and where in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["MarketDataError"]


@dataclass(eq=False)
class MarketDataError(Exception):
    """A market file, or a folder of them, is not usable as it is; mend it and run again.

    Attributes:
        file: The file or folder at fault.
        line: The 1-based line in it, or None where no line is to blame.
        reason: What is wrong, without the place.
    """

    file: Path
    line: int | None
    reason: str

    def __str__(self) -> str:
        if self.line is None:
            return f"{self.file}: {self.reason}"
        return f"{self.file.name}, line {self.line}: {self.reason}"
