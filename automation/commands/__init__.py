"""The command line ``runfold``: one module per command. Data on stdout, everything else on stderr.

Exit codes: 0 fine; 1 the run failed, or something else is wrong; 2 usage; 3 not found; 4 the log is
damaged; 130 stopped, by SIGINT or SIGTERM.
"""

import sys
from collections.abc import Sequence

from automation.commands.printing.standard_streams import reserve_standard_streams
from automation.commands.printing.terminal_text import printable
from automation.errors import ExtraMissing

__all__ = ["main"]

_EXTRA_RUN = frozenset({"pydantic_settings", "rich", "tenacity", "typer"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, and give the exit code."""
    reserve_standard_streams()
    words = sys.argv[1:] if arguments is None else arguments
    if words and words[0] == "exec":
        return _execute(words[1:])
    try:
        # Imported here so that a missing extra is one clear line.
        from automation.commands.command_line import invoke  # noqa: PLC0415

        return invoke(words)
    except ModuleNotFoundError as error:
        if error.name not in _EXTRA_RUN:
            raise
        sys.stderr.write(f"runfold: {ExtraMissing(error.name, 'run')}\n")
        return 1


def _execute(arguments: Sequence[str]) -> int:
    """Run ``exec`` without what the other commands need: it stands before commands of a moment."""
    from automation.commands.exec_command import exec_command  # noqa: PLC0415 - see above

    try:
        return exec_command(arguments)
    except Exception as error:
        from automation.commands.exit_codes import exit_code_of  # noqa: PLC0415 - only now needed

        code = exit_code_of(error)
        if code is None:
            raise
        sys.stderr.write(f"runfold: {printable(' '.join(str(error).split()))}\n")
        return code
