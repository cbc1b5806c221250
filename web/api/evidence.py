"""What shows that the log is what it was: tree heads, proofs, and evidence files."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field

from ledger import LogReader
from ledger.errors import BadEvidence, NotProven
from ledger.evidence.evidence_file import make_evidence
from ledger.evidence.extension import check_extends
from ledger.evidence.tree import LedgerTree
from ledger.evidence.tree_head import TreeHead, current_tree_head, origin_of, stored_tree_head
from ledger.faults import is_not
from ledger.fields import RUN_ID
from web.api.endpoint import Answer, Call, Endpoint, Gives
from web.api.runs import UNKNOWN_RUN, unknown_run
from web.parameters import Position, Reading
from web.problems import Failure, InvalidParameters, ParameterError, Refused

__all__ = ["ENDPOINTS", "ConsistencyQuery", "TreeHeadAnswer"]

NO_SUCH_SIZE = Failure(404, "no-such-tree-head", "The log has no tree head of that size")
NOT_EXTENDED = Failure(409, "not-extended", "The log does not extend that tree head")
_DIGITS = re.compile("[0-9]{1,18}")
_HEAD = r"^runfold/\S+\n(0|[1-9][0-9]{0,17})\n[A-Za-z0-9+/]{43}=\n"
_EITHER = "the size of an earlier tree head, or a whole one as it was kept"


def _size_or_head(value: object) -> object:
    if not isinstance(value, str):
        return value
    if _DIGITS.fullmatch(value):
        return int(value)
    if not re.match(_HEAD, value):
        raise is_not(_EITHER)
    return value


class ProofQuery(Reading):
    """Which run."""

    run_id: str


class ConsistencyQuery(Reading):
    """Which earlier tree head."""

    from_: Annotated[
        Position | Annotated[str, Field(pattern=_HEAD)],
        BeforeValidator(_size_or_head),
        Field(
            alias="from",
            description=f"{_EITHER.capitalize()}.",
        ),
    ]


class TreeHeadAnswer(BaseModel):
    """Size and Merkle root of the log; ``note`` is the text to keep, signed if it could be."""

    origin: str
    size: int
    root: str
    signed: bool
    note: str


class ConsistencyAnswer(BaseModel):
    """The proof that the log still holds all that an earlier tree head counted (RFC 6962)."""

    old: TreeHeadAnswer
    new: TreeHeadAnswer
    proof: tuple[str, ...]


def _told(head: TreeHead) -> TreeHeadAnswer:
    return TreeHeadAnswer(
        origin=head.origin,
        size=head.size,
        root=head.root.hex(),
        signed=head.signed,
        note=head.encode().decode(),
    )


def tree_head(call: Call[Reading]) -> Answer:
    """Give the tree head of all that is durable: the signed one that is kept, if it says the same.

    Keep it elsewhere, to tell later that the log was not changed.
    """
    with call.ledger.tree() as tree:
        head = current_tree_head(call.ledger.reader, tree)
    stored = stored_tree_head(call.ledger.reader.folder)
    told = stored if stored is not None and stored.text == head.text else head
    return Answer(body=_told(told).model_dump_json().encode(), position=head.size)


def consistency(call: Call[ConsistencyQuery]) -> Answer:
    """Prove that the log still holds all that an earlier tree head counted.

    Trusts the chain before the last line that the head counts, which ``runfold verify`` checks.
    """
    asked, reader = call.asked.from_, call.ledger.reader
    with call.ledger.tree() as tree:
        old = _head_of(reader, tree, asked) if isinstance(asked, int) else _kept_head(asked)
        try:
            extension = check_extends(reader, old, quick=True, tree=tree)
        except NotProven as error:
            raise Refused(NOT_EXTENDED.problem(f"{error}.")) from None
    answer = ConsistencyAnswer(
        old=_told(extension.old),
        new=_told(extension.new),
        proof=tuple(step.hex() for step in extension.proof),
    )
    return Answer(body=answer.model_dump_json().encode(), position=extension.new.size)


def _head_of(reader: LogReader, tree: LedgerTree, size: int) -> TreeHead:
    last = tree.extend()
    if size > last:
        raise Refused(NO_SUCH_SIZE.problem(f"The log has {last} lines, not {size}.", size=last))
    return TreeHead(origin_of(reader.identity), size, tree.root(size))


def _kept_head(text: str) -> TreeHead:
    try:
        return TreeHead.parse(text.encode())
    except BadEvidence as error:
        raise InvalidParameters([ParameterError("from", str(error))]) from None


def prove_run(call: Call[ProofQuery]) -> Answer:
    """Give the evidence file of a run, which ``runfold check-proof`` checks without the log."""
    run_id, reader = call.asked.run_id, call.ledger.reader
    if not RUN_ID.fullmatch(run_id):
        raise unknown_run(call.ledger.history, run_id)
    with call.ledger.tree() as tree:
        position = reader.position
        data = make_evidence(reader, run_id, until=position, tree=tree)
    if data is None:
        raise unknown_run(call.ledger.history, run_id)
    name = f'attachment; filename="{run_id.replace(":", "_")}.evidence.json"'
    return Answer(body=data, position=position, headers={"Content-Disposition": name})


ENDPOINTS = (
    Endpoint(
        path="/api/pipeline/tree-head",
        summary="The tree head",
        answer=tree_head,
        asks=Reading,
        gives=[Gives(model=TreeHeadAnswer)],
    ),
    Endpoint(
        path="/api/pipeline/consistency",
        summary="Whether the log extends an earlier tree head",
        answer=consistency,
        asks=ConsistencyQuery,
        gives=[Gives(model=ConsistencyAnswer)],
        fails=[NO_SUCH_SIZE, NOT_EXTENDED],
    ),
    Endpoint(
        path="/api/pipeline/runs/{run_id}/proof",
        summary="The evidence file of a run",
        answer=prove_run,
        asks=ProofQuery,
        gives=[Gives(description="An evidence file (see docs/audit.md).")],
        fails=[UNKNOWN_RUN],
        tells=["Content-Disposition"],
    ),
)
