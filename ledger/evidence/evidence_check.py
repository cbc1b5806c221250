"""Check an evidence file: no ledger is needed, and nothing in the file is believed.

Guarantees. Whatever the bytes are, the answer is a result, ``BadEvidence`` (it is no evidence file)
or ``NotProven`` (it is one, and wrong), within time and memory in proportion to its bounded size.
A result says what was shown, at which level of assurance, and what was not.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

import msgspec

from ledger.errors import BadEvidence, BadLine, NotProven
from ledger.evidence.evidence_file import EVIDENCE_FORMAT, MAX_EVIDENCE, EvidenceFile, ProvenLine
from ledger.evidence.merkle import hash_leaf, verify_inclusion
from ledger.evidence.signed_note import VerifierKey
from ledger.evidence.tree_head import TreeHead, root_text
from ledger.fields import RUN_ID
from ledger.line.codec import Envelope, decode_envelope, leaf_hash

__all__ = ["CheckedEvidence", "SignatureState", "check_evidence"]

_LONGEST_PROOF = 64
_KEYS = list(Envelope.__struct_fields__)


class SignatureState(Enum):
    """What is known of the signature under the tree head."""

    VERIFIED = "verified"
    UNCHECKED = "unchecked"
    UNSIGNED = "unsigned"


@dataclass(frozen=True, slots=True)
class CheckedEvidence:
    """What an evidence file shows.

    Attributes:
        run_id: whose events they are.
        head: the tree head that they are in.
        signature: whether the key that was given signed that head.
        events: how many there are: sequences 1 to this.
        first_position: where the first of them lies in the log.
        last_position: where the last of them lies.
        last_type: the type of the last one, which tells whether the run has ended.
    """

    run_id: str
    head: TreeHead
    signature: SignatureState
    events: int
    first_position: int
    last_position: int
    last_type: str

    @property
    def level(self) -> int:
        """The level of assurance, as docs/audit.md has it: 1 with a verified signature, else 0."""
        return int(self.signature is SignatureState.VERIFIED)

    @property
    def shown(self) -> tuple[str, ...]:
        """What was shown, one sentence each."""
        head = self.head
        within = f"in the tree of {head.size} lines with the root {root_text(head.root)}"
        return (
            f"The file holds the events 1 to {self.events} of run {self.run_id}, without a gap.",
            f"Each is a line of the log {head.origin}, at its position, {within}.",
            *([f"The key {head.origin} signed that tree head."] if self.level else []),
        )

    @property
    def not_shown(self) -> tuple[str, ...]:
        """What was not shown, one sentence each."""
        return (*_WHO[self.signature], *_NEVER_SHOWN)


_WHO = {
    SignatureState.VERIFIED: (),
    SignatureState.UNCHECKED: (
        "Who made it: the signature was not checked. Anyone can have made it.",
    ),
    SignatureState.UNSIGNED: ("Who made it: the tree head is unsigned. Anyone can have made it.",),
}
_NEVER_SHOWN = (
    "That the run has no further events: those after the last one may be left out.",
    "That no earlier log was rolled back or rewritten: tree heads kept elsewhere tell.",
    "That the events are true: they are what the pipeline recorded.",
)


def check_evidence(data: bytes, key: VerifierKey | None = None) -> CheckedEvidence:
    """Check an evidence file, with the verifier key of its log or without one.

    Raises:
        BadEvidence: it is no evidence file.
        NotProven: it is one, but does not show what it claims; with a key, a missing signature too.
    """
    file = _load(data)
    head = TreeHead.parse(_utf8(file.tree_head))
    if head.signed is not file.signed:
        raise NotProven("the tree head is as signed as it says", "'signed' is not so")
    lines = [_utf8(event.line) for event in file.events]
    envelopes = [_read_line(line) for line in lines]
    claim = f"run {file.run_id} is in the log {head.origin}"
    reason = _sequence_flaw(file, envelopes, lines) or _inclusion_flaw(file.events, lines, head)
    if reason:
        raise NotProven(claim, reason)
    if key is not None:
        head.check_signature(key)
    first, last = envelopes[0], envelopes[-1]
    signature = SignatureState.UNCHECKED if head.signed else SignatureState.UNSIGNED
    return CheckedEvidence(
        file.run_id,
        head,
        signature if key is None else SignatureState.VERIFIED,
        len(lines),
        first.position,
        last.position,
        last.type,
    )


def _bad(reason: str) -> BadEvidence:
    return BadEvidence("an evidence file", reason)


def _load(data: bytes) -> EvidenceFile:
    if len(data) > MAX_EVIDENCE:
        raise _bad(f"it has more than {MAX_EVIDENCE} bytes")
    try:
        file = msgspec.json.decode(data, type=EvidenceFile)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _bad(str(error)) from None
    if (file.format, file.version) != EVIDENCE_FORMAT:
        name, number = EVIDENCE_FORMAT
        raise _bad(f"its format is not {name!r}, version {number}")
    if not RUN_ID.fullmatch(file.run_id) or not file.events:
        raise _bad("it is of no run, or holds no events")
    _check_keys(data.decode())
    return file


def _check_keys(text: str) -> list[str]:
    """Refuse an object that has a key twice, of which two readers see two values.

    Returns:
        The keys of the outermost object, in their order.
    """
    try:
        # Numbers stay digits: they may be more than Python turns into an integer.
        keys = json.loads(
            text, object_pairs_hook=_keys_once, parse_int=str, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError) as error:
        raise _bad(str(error)) from None
    return keys if isinstance(keys, list) else []


def _keys_once(pairs: Sequence[tuple[str, object]]) -> list[str]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) < len(keys):
        raise _bad("an object has a key twice")
    return keys


def _refuse_constant(name: str) -> object:
    raise _bad(f"{name} is no JSON")


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise _bad("a text holds a lone surrogate") from None


def _read_line(line: bytes) -> Envelope:
    """Read a line as the log has it: format, CRC, and its keys once and in order."""
    claim = "each line is one of a log"
    try:
        envelope = decode_envelope(line)
        keys = _check_keys(line.decode())
    except (BadEvidence, BadLine) as error:
        raise NotProven(claim, error.reason) from None
    if b"\n" in line or keys != _KEYS:
        raise NotProven(claim, "its keys are not those of a line, in their order")
    return envelope


def _sequence_flaw(
    file: EvidenceFile, envelopes: Sequence[Envelope], lines: Sequence[bytes]
) -> str | None:
    """Say where the lines are not the events 1 to n of the run, in order; None where they are."""
    for sequence, (event, envelope) in enumerate(zip(file.events, envelopes, strict=True), 1):
        if envelope.run_id != file.run_id:
            return f"event {sequence} is of run {envelope.run_id}"
        if envelope.sequence != sequence:
            return f"event {sequence} says that it is number {envelope.sequence} of its run"
        if envelope.position != event.leaf_index + 1:
            return f"event {sequence} is not at the position of its leaf index"
    for (before, after), line in zip(pairwise(envelopes), lines, strict=False):
        if after.position <= before.position:
            return f"event {after.sequence} lies before the one it follows"
        if after.position == before.position + 1 and after.prev != leaf_hash(line):
            return f"event {after.sequence} does not name the line before it"
    return None


def _inclusion_flaw(
    events: Sequence[ProvenLine], lines: Sequence[bytes], head: TreeHead
) -> str | None:
    """Say which line is not shown to be in the tree; None where all are."""
    for sequence, (event, line) in enumerate(zip(events, lines, strict=True), 1):
        proof = _hashes(event.proof)
        if proof is None:
            return f"the proof of event {sequence} is no list of hashes"
        leaf = hash_leaf(line)
        if not verify_inclusion(
            event.leaf_index, head.size, leaf=leaf, proof=proof, root=head.root
        ):
            return f"event {sequence} is not in the tree of the tree head"
    return None


def _hashes(steps: Sequence[str]) -> list[bytes] | None:
    if len(steps) > _LONGEST_PROOF:
        return None
    try:
        return [bytes.fromhex(step) for step in steps]
    except ValueError:
        return None
