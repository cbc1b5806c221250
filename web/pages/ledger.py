"""The page of the ledger itself: how much there is, whether it is sound, and what that is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger import LogReader
from ledger.errors import BadEvidence, LedgerError, NotProven
from ledger.evidence.signed_note import VerifierKey
from ledger.evidence.tree_head import TreeHead, stored_tree_head
from ledger.reading.log_extent import extent_of, quarantined_in
from projections.read_model.projection_standing import ProjectionStanding, parked_in, standings
from projections.read_model.row_store import ParkedEvent
from web.command_line import command_line
from web.pages.page import Changes, Values, Visit
from web.verifying import Verdict, VerifyState
from web.wording import number_text

__all__ = ["SignedHead", "ledger_page", "signed_head"]

_MOST = 100
_SOON = 1_000


@dataclass(frozen=True, slots=True)
class SignedHead:
    """The tree head that was signed last, as far as this server can tell.

    Attributes:
        head: what was signed; None where nothing was.
        state: ``none``, ``unchecked`` (there is no key here), ``verified``, ``refused`` or
            ``beyond`` (it counts more lines than there are).
        problem: what is wrong with it; empty where nothing is.
        behind: how many events lie behind it.
    """

    head: TreeHead | None
    state: str
    problem: str
    behind: int

    @property
    def level(self) -> int:
        """The level of assurance, as docs/audit.md has it, of what the head counts."""
        return int(self.state == "verified")


def ledger_page(visit: Visit) -> Values:
    """Show the ledger."""
    reader, audit = visit.history.reader, visit.audit
    extent = extent_of(reader)
    state = audit.verifying.state
    folder = reader.folder.path
    projections, parked, unusable = _projections(visit)
    return {
        "identity": reader.identity,
        "folder": str(folder.absolute()),
        "extent": extent,
        "recorded": _last_recorded(reader, extent.position),
        "check": state,
        "verdict": _verdict_kind(state.last),
        "behind": _behind(state.last, extent.position),
        "may_verify": audit.may_verify,
        "refused": visit.changes == Changes.REFUSED,
        "verify_command": command_line(folder, "verify"),
        "signed": signed_head(reader, extent.position, audit.key),
        "key": audit.key,
        "projections": projections,
        "parked": parked[:_MOST],
        "parked_left": max(0, len(parked) - _MOST),
        "unusable": unusable,
        "quarantined": quarantined_in(reader.folder),
        "commands": _commands(visit),
        "live": {
            "run": None,
            "running": state.is_running,
            "soon": _SOON,
            "past": False,
            "summary": _summary(state, extent.position),
        },
    }


def signed_head(reader: LogReader, position: int, key: VerifierKey | None) -> SignedHead:
    """Judge the tree head that was signed last.

    Args:
        reader: of the log.
        position: how far the log goes.
        key: what the signature is checked with; None where there is none at hand.
    """
    try:
        head = stored_tree_head(reader.folder)
        if head is None:
            return SignedHead(None, "none", "", position)
        if head.size > position:
            problem = f"It counts {head.size:,} events, and the log has {position:,}."
            return SignedHead(head, "beyond", problem, 0)
        behind = position - head.size
        if key is None:
            return SignedHead(head, "unchecked", "", behind)
        head.check_signature(key)
    except BadEvidence as error:
        return SignedHead(None, "refused", f"{error}.", position)
    except NotProven as error:
        return SignedHead(head, "refused", f"{error}.", behind)
    return SignedHead(head, "verified", "", behind)


def _projections(
    visit: Visit,
) -> tuple[Sequence[ProjectionStanding], Sequence[ParkedEvent], str]:
    folder = visit.history.reader.folder.path
    try:
        return standings(folder, rows=False), parked_in(folder), ""
    except LedgerError as error:
        return (), (), f"{error}."


def _last_recorded(reader: LogReader, position: int) -> datetime | None:
    """Tell when the last event was recorded, where it can be read."""
    try:
        return next((one.recorded_at for one in reader.read(position - 1)), None)
    except LedgerError:
        return None


def _verdict_kind(verdict: Verdict | None) -> str:
    """Say in one word how the last check ended; the icon hangs on it."""
    if verdict is None:
        return "not checked"
    if verdict.found is None:
        return "no verdict"
    return "sound" if verdict.found.sound else "damaged"


def _behind(verdict: Verdict | None, position: int) -> int:
    """Count the events that have come since the last check."""
    found = None if verdict is None else verdict.found
    return 0 if found is None else max(0, position - found.position)


def _summary(state: VerifyState, position: int) -> str:
    """Say what whoever listens is to hear of; a check that goes on does not count aloud."""
    if state.is_running:
        return "the log is being checked"
    return f"{_verdict_kind(state.last)}, {number_text(position)} events"


def _commands(visit: Visit) -> Sequence[tuple[str, str]]:
    folder = visit.history.reader.folder.path

    def command(*words: Any) -> str:
        return command_line(folder, *words)

    return (
        ("every line, on all cores", command("verify")),
        ("and that the views say what the log says", command("verify", "--deep")),
        ("the tree head of now, to be kept elsewhere", command("tree-head")),
        (
            "that the log extends a head that was kept",
            command("consistency", "HEAD", "--key", "VKEY"),
        ),
        ("the evidence of one run", command("prove", "RUN_ID")),
        ("the health of the folder", command("doctor")),
        ("a copy of the log", command("backup", "TARGET")),
    )
