"""The golden log as a data folder, for every test that reads or folds it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.golden.make_golden import CREATED_AT, LEDGER_ID

__all__ = ["GOLDEN", "golden_ledger"]

GOLDEN = Path(__file__).parent / "golden" / "every_event_type.jsonl"


def golden_ledger(tmp_path: Path) -> Path:
    """Lay the golden segment out as a fresh data folder, the way a copied one looks.

    It has the log and its identity, and nothing that is derived: no lock, no mark, no read model.

    Returns:
        The data folder.
    """
    folder = tmp_path / "golden"
    (folder / "events").mkdir(parents=True)
    (folder / "events" / "00000000000000000001.jsonl").write_bytes(GOLDEN.read_bytes())
    identity = {"ledger_id": LEDGER_ID, "format": 1, "created_at": CREATED_AT}
    (folder / "ledger.json").write_text(json.dumps(identity, indent=2) + "\n")
    return folder
