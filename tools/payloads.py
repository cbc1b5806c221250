"""Derive ``ledger/payloads/derived.py`` from the models of the events, which define them.

A struct is its model with another name above it: its lines are taken as they stand in
``ledger/events.py``, and the kinds of value mean there what ``ledger/fields.py`` says of them.

Run: ``make payloads``, or ``python -m tools.payloads``
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import get_args

from pydantic import BaseModel

from ledger import events, fields
from ledger.identifiers import IDENTIFIER

__all__ = ["PLACE", "derive"]

PLACE = Path(__file__).parents[1] / "ledger" / "payloads" / "derived.py"

PARTS: tuple[type[BaseModel], ...] = (events.WriterIdentity, events.ErrorInfo)
PAYLOADS: tuple[type[events.EventData], ...] = (
    events.LedgerCreated,
    events.LedgerRecovered,
    events.LedgerRepaired,
    events.RunStarted,
    events.StageStarted,
    events.StageCompleted,
    events.StageFailed,
    events.StageStopped,
    events.StageSkipped,
    events.RunEnded,
    events.RunAnnotated,
)
KINDS = ("Identifier", "StageName", "Text", "JsonObject", "Seconds", "Attempt", "Count")

HEAD = '''\
"""What a ledger and its runs say of themselves, as structs derived from ``ledger/events.py``.

Written by ``make payloads``, never by hand; a test derives it again, and shows that both agree.
"""

from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta, field

from ledger.identifiers import IDENTIFIER
from ledger.payloads.payload import Part, Payload

'''


def derive() -> str:
    """Give the text of the module."""
    listed = sorted(model.__name__ for model in (*PARTS, *PAYLOADS))
    names = "".join(f'    "{name}",\n' for name in listed)
    kinds = "".join(f"{name} = {_kind(getattr(fields, name))}\n" for name in KINDS)
    result = f"Result = Literal[{', '.join(map(_quoted, get_args(events.Result)))}]\n"
    structs = [_struct(model, "Part") for model in PARTS]
    structs += [_struct(model, "Payload") for model in PAYLOADS]
    return HEAD + f"__all__ = [\n{names}]\n\n{kinds}{result}" + "".join(structs)


def _struct(model: type[BaseModel], above: str) -> str:
    """Give the lines of a model as those of a struct."""
    lines = inspect.getsource(model).splitlines()[1:]
    kept = [line for line in lines if "model_config" not in line]
    body = "\n".join(kept).replace("= Field(", "= field(")
    # What it says, then its fields, with one empty line between them.
    said, fields_of_it = (part.strip() for part in body.split('"""\n', 1))
    return (
        f"\n\nclass {model.__name__}({above}, frozen=True, kw_only=True):\n"
        f'    {said}"""\n\n    {fields_of_it}\n'
    )


def _kind(kind: object) -> str:
    """Say in the words of msgspec what a kind of value allows."""
    inner, *notes = get_args(kind) if hasattr(kind, "__metadata__") else (kind,)
    told = [part for note in notes for part in getattr(note, "metadata", None) or [note]]
    bounds = [
        f"{name}={_literal(name, found)}"
        for name in ("ge", "le", "max_length", "pattern")
        for note in told
        if (found := getattr(note, name, None)) is not None
    ]
    name = inner.__name__ if inner in (str, int, float) else str(inner).replace("typing.", "")
    return f"Annotated[{name}, Meta({', '.join(bounds)})]" if bounds else name


def _literal(name: str, bound: object) -> str:
    if name != "pattern":
        return str(bound)
    # Python's ``$`` would let a newline follow, which pydantic's does not.
    pattern = str(bound).removesuffix("$").replace(IDENTIFIER, "{IDENTIFIER}")
    return f'rf"{pattern}\\Z"'


def _quoted(text: str) -> str:
    return f'"{text}"'


if __name__ == "__main__":
    PLACE.write_text(derive(), encoding="utf-8")
