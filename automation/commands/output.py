"""Write data to stdout, and nothing but data; a reader that leaves early is no error."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["write_data", "write_json", "write_rich"]

_NO_LIMIT = 100_000


def write_data(data: bytes) -> bool:
    """Write bytes to stdout as they are; tell whether anybody still reads."""
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # Python flushes stdout once more at exit, and would complain then.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        return False
    return True


def write_json(value: Any) -> None:  # noqa: ANN401 - any JSON value
    """Write a value as JSON, in ASCII: so it is safe on a terminal too."""
    write_data(json.dumps(value, indent=2).encode() + b"\n")


def write_rich(*renderables: RenderableType) -> None:
    """Write tables and text: folded to a terminal's width, else each row on one line."""
    from rich.console import Console  # noqa: PLC0415 - replay and --json do without

    on_terminal = sys.stdout.isatty()
    console = Console(width=None if on_terminal else _NO_LIMIT, markup=False, highlight=False)
    with console.capture() as captured:
        for renderable in renderables:
            console.print(renderable)
    # Rich pads rows to the width of their table; in a file that is noise.
    lines = captured.get().split("\n")
    text = "\n".join(line if on_terminal else line.rstrip() for line in lines)
    write_data(text.encode(sys.stdout.encoding, errors="replace"))
