"""A page of a list of runs as it is served, and what of a run depends on the clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from ledger.disk.folder import LedgerFolder
from ledger.events import WriterIdentity
from ledger.line.replayed import struct_of
from ledger.reading.sound_reading import OutOfReach
from projections.listing.run_order import RunKey
from projections.read_model.degraded import Degraded
from projections.runs.liveness import judge_liveness

__all__ = ["RunDetail", "RunsPage", "detail", "goes_on", "judged"]

_UNKNOWN_LIVENESS = '"liveness":null}'


@dataclass(frozen=True, slots=True)
class RunsPage:
    """A list of runs as the JSON that is served, and the position it reflects.

    Attributes:
        items: one JSON object a run: the detail without its attempts, byte for byte.
        total: how many runs match in all; None where that is not kept, and in the past.
        position: what the list reflects.
        out_of_reach: what a damaged log did not let be read.
        after: what the next page goes on behind; None where there is none.
        degraded: the projections that could not take every event.
    """

    items: Sequence[str]
    total: int | None
    position: int
    out_of_reach: Sequence[OutOfReach] = ()
    after: RunKey | None = None
    degraded: Sequence[Degraded] = ()

    def encode(self) -> bytes:
        """Encode as ``{"runs": […], "total": N}``."""
        total = "null" if self.total is None else self.total
        return f'{{"runs":[{",".join(self.items)}],"total":{total}}}'.encode()


@dataclass(frozen=True, slots=True)
class RunDetail:
    """One run as the JSON that is served, and the position it reflects.

    Attributes:
        text: the JSON object.
        position: what it reflects.
        out_of_reach: what a damaged log did not let be read.
        degraded: the projections that could not take every event.
    """

    text: str
    position: int
    out_of_reach: Sequence[OutOfReach] = ()
    degraded: Sequence[Degraded] = ()


# Of a list item, what its liveness is judged by.
_Judgeable = msgspec.defstruct(
    "Judgeable",
    [
        ("run_id", str),
        ("result", str | None),
        ("writer", struct_of(WriterIdentity) | None),
        ("last_event_at", datetime | None),
    ],
)
_read: Callable[[str], Any] = msgspec.json.Decoder(_Judgeable).decode


def goes_on(item: str) -> bool:
    """Tell whether a run may have no end yet: whether its liveness may depend on the clock."""
    return '"result":null' in item


def judged(item: str, folder: LedgerFolder, now: datetime) -> str:
    """Fill in the liveness of a run that has not ended."""
    run = _read(item) if goes_on(item) else None
    if run is None or run.result is not None:
        return item
    liveness = judge_liveness(folder, run.run_id, run.writer, run.last_event_at, now)
    return item.removesuffix(_UNKNOWN_LIVENESS) + f'"liveness":"{liveness}"}}'


def detail(item: str, attempts: str) -> str:
    """Put the detail together: the list item, to the byte, and the attempts."""
    return f'{item[:-1]},"attempts":{attempts}}}'
