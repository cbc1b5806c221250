"""``runfold exec``: record any command, here or at a ledger elsewhere.

It is as light as it can be, as it may stand before a command that takes a moment: it reads its
arguments by itself, and imports what it needs when it needs it.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn

from automation.commands.printing.terminal_text import printable
from automation.errors import BadArgument, CommandFailed
from automation.running.output_tail import OutputTail
from automation.running.passed_signals import PassedSignals
from automation.running.recorded_command import run_command

if TYPE_CHECKING:
    from ledger.recording.run_context import RunContext

__all__ = ["USAGE", "exec_command"]

# Runs a stage, and is no part of what happens in it: left out of its tracebacks.
__tracebackhide__ = True

USAGE = "runfold exec --pipeline NAME [OPTIONS] -- COMMAND [ARGUMENT]..."
_WRONG, _NOT_EXECUTABLE, _NO_COMMAND, _BY_SIGNAL = 1, 126, 127, 128
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._:-]+")


class _Parser(argparse.ArgumentParser):
    """Says what is wrong as the other commands do."""

    def error(self, message: str) -> NoReturn:
        raise BadArgument("exec", message)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="runfold exec",
        usage=USAGE,
        description="Record a command. Its output, its exit code and the signals it gets are its"
        " own; the exit code is 128 and the signal's number where one ended it.",
        allow_abbrev=False,
    )
    parser.add_argument("--pipeline", required=True, metavar="NAME", help="what the run is one of")
    parser.add_argument("--stage", metavar="NAME", help="else the program's name")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--dir", metavar="FOLDER", help="the folder that holds the log")
    place.add_argument("--url", help="the ledger elsewhere that records it (RUNFOLD_URL)")
    parser.add_argument("--run-id", metavar="ID", help="the id of the run; made up if not given")
    parser.add_argument(
        "--metadata",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="what to find the run by; may be repeated",
    )
    parser.add_argument(
        "--no-tail",
        action="store_true",
        help="keep no tail of the output: the command then sees the terminal itself",
    )
    return parser


def exec_command(arguments: Sequence[str]) -> int:
    """Run and record a command, and give the exit code.

    Raises:
        BadArgument: an argument is not what it must be.
        LedgerError: the start of the run cannot be recorded; the command was not run.
    """
    options, command = _split(arguments)
    if {"-h", "--help"} & set(options):
        _parser().print_help()
        return 0
    if not command:
        raise BadArgument("exec", f"there is no command behind a --: {USAGE}")
    asked = _parser().parse_args(options)
    if asked.url and "://" not in asked.url:
        # It would be taken for a folder.
        raise BadArgument("--url", f"{asked.url!r} is not like https://host:8000")
    stage = asked.stage or _stage_of(command[0])
    with PassedSignals() as signals:
        # Here, as it is most of the time that all this takes.
        from automation.recording_settings import recording_settings  # noqa: PLC0415
        from ledger.recording.run_context import RunContext  # noqa: PLC0415

        settings = recording_settings()
        # What the environment names goes before, and is read where the run begins.
        named = os.environ.get("RUNFOLD_URL") or os.environ.get("RUNFOLD_DIR")
        run = RunContext.start(
            asked.url or asked.dir or (None if named else settings.folder),
            pipeline=asked.pipeline,
            run_id=asked.run_id,
            stages=[stage],
            parameters={"command": shlex.join(command)},
            metadata=_pairs(asked.metadata),
            trigger="exec",
            redact=settings.redact,
        )
        tail = None if asked.no_tail else OutputTail()
        return _run_recorded(run, stage, command, signals, tail)


def _split(arguments: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """Part the options from the command at the first ``--``."""
    if "--" not in arguments:
        return arguments, ()
    at = arguments.index("--")
    return arguments[:at], arguments[at + 1 :]


def _run_recorded(
    run: RunContext,
    stage: str,
    command: Sequence[str],
    signals: PassedSignals,
    tail: OutputTail | None,
) -> int:
    from ledger.errors import LedgerError  # noqa: PLC0415 - loaded with the run by now
    from ledger.recording.termination import Terminated  # noqa: PLC0415 - likewise

    code = _WRONG
    try:
        with run, run.stage(stage) as attempt:
            try:
                status = run_command(
                    command,
                    environment=_environment(run.run_id, stage),
                    signals=signals,
                    tail=tail,
                )
            except FileNotFoundError:
                code = _NO_COMMAND
                raise
            except OSError:
                code = _NOT_EXECUTABLE
                raise
            code = _BY_SIGNAL - status if status < 0 else status
            if tail is not None:
                attempt.output(tail.text())
            if status == 0:
                return 0
            if signals.told is not None:
                interrupted = signals.told == signal.SIGINT
                raise KeyboardInterrupt if interrupted else Terminated(signals.told)
            raise CommandFailed.of(status, tail.last_line() if tail else "")
    except OSError as error:
        _say(f"{command[0]}: {error.strerror}")
    except LedgerError as error:
        # What the command came to is told all the same, unless it was well.
        _say(str(error))
        return code or _WRONG
    except (CommandFailed, KeyboardInterrupt, Terminated):
        pass
    return code


def _environment(run_id: str, stage: str) -> Mapping[str, str]:
    told = {"RUNFOLD_RUN_ID": run_id, "RUNFOLD_STAGE": stage, "RUNFOLD_ATTEMPT": "1"}
    return {**os.environ, **told}


def _say(text: str) -> None:
    sys.stderr.write(f"runfold: {printable(' '.join(text.split()))}\n")


def _stage_of(program: str) -> str:
    """Make the name of a stage from that of a program."""
    name = _NOT_IN_A_NAME.sub("-", os.path.basename(program))[:128]  # noqa: PTH119 - pathlib is not imported for this
    return name.lstrip("._:-") or "command"


def _pairs(given: Sequence[str]) -> dict[str, str]:
    pairs = dict(pair.partition("=")[::2] for pair in given)
    if not all(name and "=" in pair for name, pair in zip(pairs, given, strict=False)):
        raise BadArgument("--metadata", "each must be NAME=VALUE")
    return pairs
