"""Put the commands together, and turn what they raise into one line and an exit code."""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import sys
from collections.abc import Iterable, Sequence
from typing import Annotated

import typer

from automation.commands.exec_command import exec_command
from automation.commands.exit_codes import ExitCode, exit_code_of
from automation.commands.printing.output import write_words
from ledger.recording.termination import Terminated

__all__ = ["COMMANDS", "invoke", "put_together"]

COMMANDS = {
    "run": "run_command.run",
    "serve": "serve_command.serve",
    "runs": "runs_command.runs",
    "show": "show_command.show",
    "replay": "replay_command.replay",
    "tree-head": "tree_head_command.tree_head",
    "prove": "prove_command.prove",
    "check-proof": "check_proof_command.check_proof",
    "consistency": "consistency_command.consistency",
    "explain": "explain_command.explain_run",
    "stats": "stats_command.stats",
    "export": "export_command.export",
    "failures": "failures_command.failures",
    "ack": "ack_command.ack",
    "annotate": "annotate_command.annotate",
    "compare": "compare_command.compare",
    "check": "check_command.check",
    "import": "import_command.import_file",
    "verify": "verify_command.verify_log",
    "repair": "repair_command.repair_log",
    "backup": "backup_command.backup",
    "rebuild": "rebuild_command.rebuild",
    "projections": "projections_command.projections",
    "doctor": "doctor_command.doctor",
    "key": "key_command.key",
    "token": "token_command.token",
}
"""Where each command is, in the order of the help; it is imported once somebody asks for it."""


def put_together(names: Iterable[str]) -> typer.Typer:
    """Give a command line that knows the commands named, and ``exec``."""
    app = typer.Typer(
        name="runfold",
        help="The run ledger: run pipelines, and see what every run of them did.",
        epilog="Exit codes: 0 fine, 1 failed or something wrong, 2 usage, 3 not found,"
        " 4 the log is damaged, 130 stopped.",
        add_completion=False,
        # A mistake of ours is told the way Python tells it, in full.
        pretty_exceptions_enable=False,
    )
    app.callback(invoke_without_command=True)(begin)
    for name in names:
        module, _, inside = COMMANDS[name].partition(".")
        found = getattr(importlib.import_module(f"automation.commands.{module}"), inside)
        if isinstance(found, typer.Typer):
            app.add_typer(found)
        else:
            app.command(name)(found)
    app.command("exec", context_settings={"ignore_unknown_options": True}, add_help_option=False)(
        execute
    )
    return app


def execute(arguments: Annotated[list[str] | None, typer.Argument()] = None) -> None:
    """Record any command: exec --pipeline NAME -- COMMAND [ARGUMENT]..."""
    # ``main`` calls it without this module; it stands here to be listed among the others.
    raise typer.Exit(exec_command(arguments or []))


def begin(
    context: typer.Context,
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Answer what was asked without a command."""
    if version:
        typer.echo(f"runfold {importlib.metadata.version('runfold')}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        # The help prints itself.
        with contextlib.redirect_stdout(sys.stderr):
            typer.echo(context.get_help())
        raise typer.Exit(ExitCode.USAGE)


def invoke(words: Sequence[str]) -> int:
    """Run one command, and give its exit code."""
    named = words[:1] if words and words[0] in COMMANDS else ()
    # All of them where it takes all to answer: for the help, and to say which one was meant.
    app = put_together(named if named or list(words) == ["--version"] else COMMANDS)
    try:
        return int(app(words, prog_name="runfold", standalone_mode=False) or 0)
    except Terminated:
        return ExitCode.STOPPED
    except typer.TyperException as error:
        write_words(_usage(error, " ".join(("runfold", *named))))
        return error.exit_code
    except Exception as error:
        code = exit_code_of(error)
        if code is None:
            raise
        write_words(str(error))
        return code


def _usage(error: typer.TyperException, command: str) -> str:
    """Say what is wrong with the words of a command, and where its help is."""
    reason = error.format_message()
    if isinstance(error, typer.BadParameter) and error.__cause__ is not None:
        reason = reason.replace(error.message, _why_refused(error.__cause__) or error.message)
    context: typer.Context | None = getattr(error, "ctx", None)
    told = command if context is None else context.command_path
    return f"{reason} ({told} --help lists what there is)"


def _why_refused(cause: BaseException) -> str | None:
    """Say what is wrong with a value as pages and the API do, where pydantic refused it."""
    from pydantic import ValidationError  # noqa: PLC0415 - nothing else here waits for it

    from ledger.faults import faults_of  # noqa: PLC0415 - nor for this

    return faults_of(cause)[0][1] if isinstance(cause, ValidationError) else None
