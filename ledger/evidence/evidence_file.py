r"""The evidence file: a run's events, with the proof that they are in the log.

One JSON object, at most 128 MiB::

    {"format": "runfold-evidence", "version": 1, "run_id": "…",
     "tree_head": "runfold/<ledger_id>\n<size>\n<root>\n…", "signed": true,
     "events": [{"leaf_index": 4, "line": "{\"position\":5,…}", "proof": ["<64 hex>", …]}, …]}

``line`` is a line of the log without its newline, exactly; ``proof`` is the inclusion proof of
RFC 6962 from that leaf to the root of ``tree_head``, which is a signed note or, where ``signed`` is
false, its text alone. The events are those of one run, in order, from its first.

``evidence_check.py`` checks such a file without a ledger.
"""

from __future__ import annotations

import json

import msgspec

from ledger.errors import BadEvidence, BadLine, LedgerReplaced
from ledger.evidence.extension import departure
from ledger.evidence.merkle import verify_inclusion
from ledger.evidence.signed_note import SigningKey
from ledger.evidence.tree import LedgerTree
from ledger.evidence.tree_head import TreeHead, current_tree_head, stored_tree_head
from ledger.evidence.tree_head_signing import sign_tree_head
from ledger.line.walk import Line
from ledger.reading.reader import LogReader

__all__ = ["EVIDENCE_FORMAT", "MAX_EVIDENCE", "EvidenceFile", "ProvenLine", "make_evidence"]

EVIDENCE_FORMAT = ("runfold-evidence", 1)
MAX_EVIDENCE = 128 * 1024 * 1024


class ProvenLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the log, and its way to the root."""

    leaf_index: int
    line: str
    proof: list[str]


class EvidenceFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an evidence file says; nothing of it is checked yet."""

    format: str
    version: int
    run_id: str
    tree_head: str
    signed: bool
    events: list[ProvenLine]


def make_evidence(
    reader: LogReader,
    run_id: str,
    *,
    until: int | None = None,
    key: SigningKey | None = None,
    tree: LedgerTree | None = None,
) -> bytes | None:
    """Make the evidence file of a run; None where the log has no such run.

    It goes by the signed head in ``tree-head`` if that covers the run. If not, a new one is signed
    where there is a key; else it goes by an unsigned head, and says so.

    Args:
        reader: of the log.
        run_id: the run.
        until: leaves out what lies behind this position.
        key: to sign with.
        tree: of the log; None makes one.

    Raises:
        LedgerReplaced: the log does not hold what was signed before.
        BadEvidence: the file would be beyond the limit.
        LedgerDamaged: a line is not what was written.
    """
    lines = list(reader.run_lines(run_id, until))
    if not lines:
        return None
    tree = tree or LedgerTree(reader)
    head = _head_over(reader, tree, lines[-1].end.position, key)
    value = EvidenceFile(
        *EVIDENCE_FORMAT,
        run_id,
        head.encode().decode(),
        head.signed,
        [_prove(reader, tree, head, line) for line in lines],
    )
    data = json.dumps(msgspec.to_builtins(value), ensure_ascii=False, indent=1).encode() + b"\n"
    if len(data) > MAX_EVIDENCE:
        raise BadEvidence(
            "an evidence file",
            f"the {len(lines)} events of the run take {len(data)} bytes; the limit is"
            f" {MAX_EVIDENCE}: hand over the log itself, which proves more",
        )
    return data


def _head_over(
    reader: LogReader, tree: LedgerTree, position: int, key: SigningKey | None
) -> TreeHead:
    """Give a head that covers a position: signed if it can be."""
    stored = stored_tree_head(reader.folder)
    if stored is None or stored.size < position:
        if key is not None:
            return sign_tree_head(reader, key, tree=tree)
        return current_tree_head(reader, tree)
    reason = departure(reader, tree, stored, quick=True)
    if reason:
        raise LedgerReplaced(reader.folder.path, f"it is not what was signed: {reason}")
    return stored


def _prove(reader: LogReader, tree: LedgerTree, head: TreeHead, line: Line) -> ProvenLine:
    index = line.end.position - 1
    proof = _inclusion(tree, head, line)
    if proof is None:
        # The derived file may be wrong; the lines decide.
        tree.rebuild()
        proof = _inclusion(tree, head, line)
    if proof is None:
        reason = f"the line at position {index + 1} is not in the tree head"
        raise LedgerReplaced(reader.folder.path, reason)
    try:
        return ProvenLine(index, line.raw.decode(), [step.hex() for step in proof])
    except UnicodeDecodeError:
        raise BadLine(f"the line at position {index + 1} is not UTF-8") from None


def _inclusion(tree: LedgerTree, head: TreeHead, line: Line) -> list[bytes] | None:
    """Make the inclusion proof of a line; None where it does not lead to the head's root."""
    index, leaf = line.end.position - 1, bytes.fromhex(line.end.leaf)
    proof = tree.inclusion_proof(index, head.size)
    shown = verify_inclusion(index, head.size, leaf=leaf, proof=proof, root=head.root)
    return proof if shown else None
