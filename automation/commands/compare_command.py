"""``runfold compare``: two runs side by side."""

from __future__ import annotations

from typing import Annotated

import typer

from automation.commands.options.options import FolderOption, JsonOption, folder_of
from automation.commands.printing.lacks import warn_of_lacks
from automation.commands.printing.output import write_data, write_json, write_rich
from automation.commands.show_command import find_run
from automation.errors import BadArgument, RunNotFound
from projections import RunHistory
from projections.comparing.compared_runs import compare_recorded
from projections.comparing.run_comparison import RunComparison

__all__ = ["compare"]


def compare(
    run_id: Annotated[
        str, typer.Argument(metavar="A", help="A run id, or as much of it as is the only one.")
    ],
    other_id: Annotated[
        str | None,
        typer.Argument(
            metavar="B", help="Likewise; else the last success of A's pipeline before A."
        ),
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="What is the same, too.")] = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print Markdown, to be pasted into a ticket.")
    ] = False,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two runs: what differs, how long each stage took, and where their ways part."""
    if as_json and as_markdown:
        raise BadArgument("--markdown", "not together with --json: there is one output")
    with RunHistory(folder_of(folder)) as history:
        first = find_run(history, run_id).run_id
        second = None if other_id is None else find_run(history, other_id).run_id
        comparison = compare_recorded(history, first, second)
        if comparison is None:
            # It was there a moment ago, and is not in the model that has taken its place.
            raise RunNotFound(first, history.reader.folder.path)
        shown = comparison if every else comparison.differences()
        if as_json:
            write_json(shown.model_dump(mode="json"))
        else:
            _write(shown, as_markdown=as_markdown)
        warn_of_lacks(history)


def _write(comparison: RunComparison, *, as_markdown: bool) -> None:
    # These need rich, which JSON does not.
    if as_markdown:
        from automation.commands.printing.comparison_markdown import comparison_markdown  # noqa: PLC0415

        write_data(comparison_markdown(comparison).encode())
    else:
        from automation.commands.printing.comparison_report import comparison_report  # noqa: PLC0415

        write_rich(*comparison_report(comparison))
