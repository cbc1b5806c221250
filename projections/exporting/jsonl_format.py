"""JSON lines: one object a row, with the columns in order. JSON stays JSON, times are ISO text."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from projections.exporting.columns import row_type
from projections.exporting.export import Export

__all__ = ["jsonl_chunks"]


def jsonl_chunks(export: Export) -> Iterator[bytes]:
    """Yield an export as UTF-8 JSON lines, a page at a time."""
    read = msgspec.json.Decoder(row_type(export.columns)).decode
    write = msgspec.json.Encoder().encode_lines
    for page in export.pages:
        if page:
            yield write([read(line) for line in page])
