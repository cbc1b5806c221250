"""What the log can prove: which level of assurance there is, said honestly."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from automation.health.symptom import Symptom, fine, note, wrong
from ledger.disk.folder import Identity, LedgerFolder
from ledger.errors import BadEvidence
from ledger.evidence.key_file import default_key_path
from ledger.evidence.tree_head import stored_tree_head

__all__ = ["EvidenceMeasure", "judge_evidence", "measure_evidence"]


class EvidenceMeasure(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured.

    Attributes:
        position: the last durable one.
        signed: how many events the last signed tree head covers; None where there is none.
        problem: why the head cannot be read; empty where it can.
        key_file: where the signing key would lie.
        has_key: whether it is there.
        reads_key: whether this user, who may write the log, can read it.
    """

    position: int
    signed: int | None = None
    problem: str = ""
    key_file: str = ""
    has_key: bool = False
    reads_key: bool = False


def measure_evidence(
    folder: LedgerFolder, identity: Identity, position: int, key_file: Path | None
) -> EvidenceMeasure:
    """Look at the tree head and at the key, which is that of the ledger unless one is named."""
    path = key_file or default_key_path(identity, os.environ)
    signed, problem = None, ""
    try:
        head = stored_tree_head(folder)
        signed = None if head is None else head.size
    except (BadEvidence, OSError) as error:
        problem = str(error)
    return EvidenceMeasure(
        position=position,
        signed=signed,
        problem=problem,
        key_file=str(path),
        has_key=path.exists(),
        reads_key=os.access(path, os.R_OK),
    )


def judge_evidence(evidence: EvidenceMeasure) -> Iterator[Symptom]:
    """Say how far the signatures go, and what nobody could tell from them."""
    yield _judge_head(evidence)
    yield _judge_key(evidence)


def _judge_head(evidence: EvidenceMeasure) -> Symptom:
    signed, position = evidence.signed, evidence.position
    if evidence.problem:
        return wrong("tree head", evidence.problem, "compare with a copy kept elsewhere; sign anew")
    if signed is None:
        found = "none was signed: assurance level 0, whoever rewrites the whole log is not noticed"
        return note("tree head", found, "runfold key init, then runfold tree-head --sign")
    if signed > position:
        found = f"it covers {signed} events, and the log has {position}"
        return wrong("tree head", found, "the log was cut or put back: compare it with a backup")
    if signed < position:
        found = f"it covers {signed} events; the {position - signed} behind are at level 0"
        return note("tree head", found, "runfold tree-head --sign")
    return fine("tree head", f"it covers all {signed} events")


def _judge_key(evidence: EvidenceMeasure) -> Symptom:
    if not evidence.has_key:
        found = f"there is none at {evidence.key_file}"
        return note("signing key", found, "runfold key init makes one: best as another user")
    if evidence.reads_key:
        found = "this user can read it: level 1 holds only against those who cannot"
        return note("signing key", found, "sign as another user; keep tree heads elsewhere")
    return fine("signing key", "this user cannot read it: assurance level 1")
