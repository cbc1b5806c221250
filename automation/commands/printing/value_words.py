"""How named values are said on one line, like ``rows=4, day=2026-01-15``; not yet safe to print."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["pairs_text"]


def pairs_text(values: Mapping[str, Any]) -> str:
    """Write names and values: text as it is, else JSON."""
    return ", ".join(f"{name}={_text(value)}" for name, value in values.items())


def _text(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
