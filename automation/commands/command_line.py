"""Put the commands together, and turn what they raise into one line and an exit code."""

from __future__ import annotations

import contextlib
import importlib.metadata
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from automation.commands.ack_command import ack
from automation.commands.annotate_command import annotate
from automation.commands.backup_command import backup
from automation.commands.check_command import check
from automation.commands.check_proof_command import check_proof
from automation.commands.compare_command import compare
from automation.commands.consistency_command import consistency
from automation.commands.doctor_command import doctor
from automation.commands.exec_command import exec_command
from automation.commands.exit_codes import ExitCode, exit_code_of
from automation.commands.explain_command import explain_run
from automation.commands.export_command import export
from automation.commands.failures_command import failures
from automation.commands.import_command import import_file
from automation.commands.key_command import key
from automation.commands.projections_command import projections
from automation.commands.prove_command import prove
from automation.commands.rebuild_command import rebuild
from automation.commands.repair_command import repair_log
from automation.commands.replay_command import replay
from automation.commands.run_command import run
from automation.commands.runs_command import runs
from automation.commands.serve_command import serve
from automation.commands.show_command import show
from automation.commands.stats_command import stats
from automation.commands.terminal_text import printable
from automation.commands.tree_head_command import tree_head
from automation.commands.verify_command import verify_log
from ledger.termination import Terminated

__all__ = ["app", "invoke"]

app = typer.Typer(
    name="runfold",
    help="The run ledger: run pipelines, and see what every run of them did.",
    epilog="Exit codes: 0 fine, 1 failed or something wrong, 2 usage, 3 not found,"
    " 4 the log is damaged, 130 stopped.",
    add_completion=False,
    # A mistake of ours is told the way Python tells it, in full.
    pretty_exceptions_enable=False,
)
for command in (run, serve, runs, show, replay, tree_head, prove, check_proof, consistency):
    app.command()(command)
app.command("explain")(explain_run)
app.command()(stats)
app.command()(export)
app.command()(failures)
app.command()(ack)
app.command()(annotate)
app.command()(compare)
app.command()(check)
app.command("import")(import_file)
app.command("verify")(verify_log)
app.command("repair")(repair_log)
app.command()(backup)
app.command()(rebuild)
app.command()(projections)
app.command()(doctor)
app.add_typer(key)


@app.command("exec", context_settings={"ignore_unknown_options": True}, add_help_option=False)
def execute(arguments: Annotated[list[str] | None, typer.Argument()] = None) -> None:
    """Record any command: exec --pipeline NAME -- COMMAND [ARGUMENT]..."""
    # ``main`` calls it without this module; it stands here to be listed among the others.
    raise typer.Exit(exec_command(arguments or []))


@app.callback(invoke_without_command=True)
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


def invoke(arguments: Sequence[str] | None) -> int:
    """Run one command, and give its exit code."""
    try:
        return int(app(arguments, prog_name="runfold", standalone_mode=False) or 0)
    except Terminated:
        return ExitCode.STOPPED
    except typer.TyperException as error:
        _say(f"{error.format_message()} (runfold --help lists what there is)")
        return error.exit_code
    except Exception as error:
        code = exit_code_of(error)
        if code is None:
            raise
        _say(str(error))
        return code


def _say(text: str) -> None:
    sys.stderr.write(f"runfold: {printable(' '.join(text.split()))}\n")
