"""``runfold check-proof``: check an evidence file, with no ledger at hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from automation.commands.exit_codes import ExitCode
from automation.commands.options.evidence_options import (
    VerifierKeyOption,
    read_bounded,
    tree_head_json,
    verifier_key,
)
from automation.commands.options.options import JsonOption
from automation.commands.printing.output import write_data, write_json
from automation.commands.printing.terminal_text import printable
from ledger.errors import NotProven
from ledger.evidence.evidence_check import CheckedEvidence, SignatureState, check_evidence
from ledger.evidence.evidence_file import MAX_EVIDENCE

__all__ = ["check_proof"]

_VERDICTS = {
    SignatureState.VERIFIED: "Proven, and signed by that key (assurance level 1).",
    SignatureState.UNCHECKED: "Consistent in itself; the signature was not checked (level 0).",
    SignatureState.UNSIGNED: "Consistent in itself; the tree head is unsigned (level 0).",
}


def check_proof(
    file: Annotated[Path, typer.Argument(help="An evidence file; - for stdin.")],
    *,
    key: VerifierKeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check an evidence file: exit 0 if it holds, 1 if it does not.

    Without --key it is not known who made the file, and the answer says so.
    """
    pinned = verifier_key(key)
    try:
        checked = check_evidence(read_bounded(file, MAX_EVIDENCE), pinned)
    except NotProven as error:
        if not as_json:
            raise
        write_json({"proven": False, "claim": error.claim, "reason": error.reason})
        raise typer.Exit(ExitCode.WRONG) from None
    if as_json:
        write_json(_as_json(checked))
    else:
        write_data(_as_text(checked).encode())


def _as_json(checked: CheckedEvidence) -> dict[str, Any]:
    return {
        "proven": True,
        "run_id": checked.run_id,
        "events": checked.events,
        "first_position": checked.first_position,
        "last_position": checked.last_position,
        "last_type": checked.last_type,
        "signature": checked.signature.value,
        "level": checked.level,
        "shown": list(checked.shown),
        "not_shown": list(checked.not_shown),
        "tree_head": tree_head_json(checked.head),
    }


def _as_text(checked: CheckedEvidence) -> str:
    return "\n".join(
        [
            _VERDICTS[checked.signature],
            "",
            "Shown:",
            *_list(checked.shown),
            "Not shown:",
            *_list(checked.not_shown),
            "",
        ]
    )


def _list(sentences: Sequence[str]) -> list[str]:
    return [f"  - {printable(sentence)}" for sentence in sentences]
