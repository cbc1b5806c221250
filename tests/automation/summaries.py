"""Lines of a ``runs.jsonl`` as another system wrote them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

__all__ = ["as_line", "summary", "write_lines"]


def summary(run_id: str = "old-1", **changed: Any) -> dict[str, Any]:
    """Give the nine values of a run, some of them changed."""
    return {
        "run_id": run_id,
        "started_at": "2025-01-15T10:00:00Z",
        "ended_at": "2025-01-15T10:00:07.5Z",
        "result": "failed",
        "failure_reason": "Stage load failed",
        "stages_executed": ["extract", "load"],
        "stages_failed": ["load"],
        "retry_count": 1,
        "metadata": {"day": "2025-01-14", "nested": {"list": [1, 2.5, None, "é"]}},
        **changed,
    }


def as_line(value: object) -> bytes:
    """Write a value as one line of JSON, without its newline."""
    return json.dumps(value).encode()


def write_lines(path: Path, lines: Iterable[object]) -> Path:
    """Write lines to a file: bytes as they are, all else as JSON."""
    path.write_bytes(
        b"".join((line if isinstance(line, bytes) else as_line(line)) + b"\n" for line in lines)
    )
    return path
