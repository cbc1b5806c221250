"""Text files of the pipeline: read strictly as UTF-8, and published whole or not at all."""

from __future__ import annotations

import secrets
from pathlib import Path

from automation.pipelines.market_data.errors import MarketDataError

__all__ = [
    "publish",
    "read_text",
]


def read_text(path: Path) -> str:
    """Read a UTF-8 file, with or without a byte order mark.

    Line endings are kept, so that line numbers agree with what an editor shows.

    Raises:
        MarketDataError: The file does not exist, or is not UTF-8; then with the line of the first
            bad byte.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise MarketDataError(path, None, "no such file") from error
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        reason = f"not UTF-8: byte 0x{content[error.start]:02x}"
        raise MarketDataError(path, line, reason) from error
    return text.removeprefix("\ufeff")


def publish(path: Path, text: str) -> None:
    """Write a file under a temporary name, then rename it; make its folder where it is missing.

    Guarantee: whoever opens `path` finds the old content or the new, never a part. It is not
    synced to disk: a result lost with the machine's power is made again by running the pipeline.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # A leading dot keeps the unfinished file out of the translator's sight; the random part keeps
    # two runs into one folder from writing the same temporary file.
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        unfinished.write_text(text, encoding="utf-8", newline="\n")
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
