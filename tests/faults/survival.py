"""What must hold after any fault: the log opens, goes on, is whole, and has all acknowledged."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ledger import EventLog
from ledger.integrity.verify import verify
from tests.ledger.examples import acknowledgement
from tests.ledger.witness import assert_whole

__all__ = ["assert_survived"]


def assert_survived(folder: Path, acknowledged: Iterable[Sequence[str]]) -> list[dict[str, Any]]:
    """Reopen the log, append to it, and have a stranger read it.

    Args:
        folder: the data folder.
        acknowledged: for each producer the ids that were acknowledged to it, in order.

    Returns:
        Every line, parsed.
    """
    with EventLog.open(folder) as log:
        receipt = log.append(acknowledgement("after the fault"))
    lines = assert_whole(folder)
    assert lines[-1]["event_id"] == receipt.event_id
    places = {line["event_id"]: line["position"] for line in lines}
    counts = Counter(line["event_id"] for line in lines)
    assert max(counts.values()) == 1, "an event stands twice in the log"
    for ids in acknowledged:
        lost = [event_id for event_id in ids if event_id not in places]
        assert not lost, f"acknowledged and lost: {lost}"
        found = [places[event_id] for event_id in ids]
        assert found == sorted(found), "the order of a producer is not kept"
    _assert_batches_whole(lines)
    checked = verify(folder, jobs=1)
    assert checked.sound, checked.findings
    assert checked.position == len(lines)
    return lines


def _assert_batches_whole(lines: Iterable[dict[str, Any]]) -> None:
    """Whatever a producer appended together lies in the log together, or not at all."""
    batches: dict[tuple[str, str], list[tuple[int, int, int]]] = defaultdict(list)
    for line in lines:
        words = line["data"].get("note", "").split()
        if len(words) >= 4 and words[3].isdigit():
            producer, number, part, parts = words[:4]
            batches[producer, number].append((line["position"], int(part), int(parts)))
    for name, found in batches.items():
        first = found[0][0]
        parts = found[0][2]
        assert found == [(first + part, part, parts) for part in range(parts)], name
