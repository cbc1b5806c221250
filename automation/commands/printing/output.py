"""Write data to stdout, and nothing but data; words to stderr. A reader that leaves is no error."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any, TextIO

from automation.commands.printing.terminal_text import printable

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["write_data", "write_json", "write_rich", "write_words"]

_NO_LIMIT = 100_000


def write_data(data: bytes) -> bool:
    """Write bytes to stdout as they are; tell whether anybody still reads."""
    return _write(sys.stdout, data)


def write_words(text: str) -> None:
    """Say a line on stderr, safe for a terminal; where nobody hears it, the result stands."""
    line = f"runfold: {printable(' '.join(text.split()))}\n"
    _write(sys.stderr, line.encode(sys.stderr.encoding, errors="backslashreplace"))


def _write(stream: TextIO, data: bytes) -> bool:
    try:
        stream.flush()
        stream.buffer.write(data)
        stream.buffer.flush()
    except BrokenPipeError:
        # Python flushes it once more at exit, and would complain then.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
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
