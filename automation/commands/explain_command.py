"""``runfold explain``: which events made a run's summary what it is, and by which rule."""

from __future__ import annotations

from typing import Annotated

import typer

from automation.commands.options.options import FolderOption, JsonOption, folder_of
from automation.commands.printing.lacks import warn_of_damage
from automation.commands.printing.output import write_json, write_rich
from automation.commands.show_command import find_run
from automation.errors import RunNotFound
from projections import RunHistory, explain
from projections.runs.explanation import check_field

__all__ = ["explain_run"]


def explain_run(
    run_id: Annotated[
        str, typer.Argument(help="A run id, or as much of it as makes it the only one.")
    ],
    field: Annotated[
        str | None, typer.Argument(help="Only this field of the summary, like result.")
    ] = None,
    *,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Explain a run's summary: the events that set each field, those ignored, and the rules."""
    only = None if field is None else check_field(field)
    path = folder_of(folder)
    with RunHistory(path) as history:
        found = find_run(history, run_id).run_id
        explanation = explain(history, found)
        if explanation is None:
            raise RunNotFound(found, path)
        if only is not None:
            explanation = explanation.only(only)
        if as_json:
            write_json(explanation.model_dump(mode="json"))
        else:
            # Needs rich, which JSON does not.
            from automation.commands.printing.explanation_tables import (  # noqa: PLC0415
                explanation_tables,
            )

            write_rich(*explanation_tables(explanation))
        warn_of_damage(history)
