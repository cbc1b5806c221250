"""What a stranger reads from a data folder: raw bytes and the standard library, no code of ours.

Tests ask this witness and not the reader under test whether a log is whole. What it checks is what
the page on the format promises.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from pathlib import Path
from typing import Any

__all__ = ["KEYS", "assert_whole", "mark_of", "raw_lines", "segments_of", "snapshot"]

KEYS = [
    "position",
    "prev",
    "event_id",
    "run_id",
    "sequence",
    "rest",
    "type",
    "schema_version",
    "occurred_at",
    "recorded_at",
    "data",
    "crc",
]

_CRC_WIDTH = len(b',"crc":"00000000"}')


def segments_of(folder: Path) -> list[Path]:
    """Give the segment files in order."""
    return sorted((folder / "events").glob("*.jsonl"))


def raw_lines(folder: Path) -> list[bytes]:
    """Give all lines of a log, in order, without their newlines."""
    data = b"".join(path.read_bytes() for path in segments_of(folder))
    assert data.endswith(b"\n") or not data
    return data.split(b"\n")[:-1]


def mark_of(folder: Path) -> tuple[int, int, int]:
    """Read the durable mark as a person would: segment, offset, position."""
    words = (folder / "lock").read_bytes()[:128].split()
    assert words[0] == b"mark"
    return int(words[1]), int(words[2]), int(words[3])


def snapshot(folder: Path) -> dict[str, bytes]:
    """Take every file of a folder with its bytes, to show that nothing changed."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _parse(raw: bytes) -> dict[str, Any]:
    pairs: list[tuple[str, Any]] = json.loads(raw, object_pairs_hook=list)
    assert [key for key, _ in pairs] == KEYS
    checked, suffix = raw[:-_CRC_WIDTH], raw[-_CRC_WIDTH:]
    assert suffix == b',"crc":"%08x"}' % zlib.crc32(checked)
    assert len(raw) < 65_535
    value: dict[str, Any] = json.loads(raw)
    return value


def assert_whole(folder: Path) -> list[dict[str, Any]]:
    """Check layout, CRC, chain, positions, sequences, batches, clock and segment names.

    Returns:
        Every line, parsed.
    """
    lines: list[dict[str, Any]] = []
    prev, position, rest, recorded_at = "0" * 64, 0, 0, ""
    sequences: dict[str, int] = {}
    for path in segments_of(folder):
        assert int(path.stem) == position + 1
        assert rest == 0, "a batch spans two segments"
        for raw in path.read_bytes().splitlines(keepends=True):
            assert raw.endswith(b"\n")
            line = _parse(raw[:-1])
            position += 1
            assert (line["position"], line["prev"]) == (position, prev)
            assert line["rest"] == rest - 1 if rest else line["rest"] >= 0
            assert line["recorded_at"] >= recorded_at
            if line["run_id"] is None:
                assert line["sequence"] == 0
            else:
                sequences[line["run_id"]] = sequences.get(line["run_id"], 0) + 1
                assert line["sequence"] == sequences[line["run_id"]]
            prev = hashlib.sha256(b"\x00" + raw[:-1]).hexdigest()
            rest, recorded_at = line["rest"], line["recorded_at"]
            lines.append(line)
    assert rest == 0, "the last batch is not whole"
    assert not lines or lines[0]["type"] == "ledger_created"
    return lines
