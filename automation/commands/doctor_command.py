"""``runfold doctor``: the health of a data folder on one page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import msgspec
import typer

from automation.commands.exit_codes import ExitCode
from automation.commands.options.evidence_options import KeyFileOption
from automation.commands.options.options import FolderOption, JsonOption, folder_of
from automation.commands.printing.output import write_data, write_json
from automation.commands.printing.terminal_text import printable
from automation.commands.verify_command import check_progress
from automation.health.diagnosis import Diagnosis, diagnose
from automation.health.symptom import State

__all__ = ["doctor"]


def doctor(
    *,
    whole: Annotated[
        bool, typer.Option("--verify", help="Check every line of the log too: takes longer.")
    ] = False,
    key: KeyFileOption = None,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say how a data folder stands, and what to do; exit 1 if anything is wrong. Writes nothing."""
    with check_progress() as progress:
        found = diagnose(folder_of(folder), key_file=key, whole=whole, progress=progress)
    if as_json:
        write_json({"healthy": found.healthy, **msgspec.to_builtins(found)})
    else:
        write_data("".join(f"{printable(line)}\n" for line in _lines(found)).encode())
    raise typer.Exit(ExitCode.FINE if found.healthy else ExitCode.WRONG)


def _lines(found: Diagnosis) -> Iterator[str]:
    width = max(len(symptom.about) for symptom in found.symptoms)
    for symptom in found.symptoms:
        yield f"{symptom.state:5}  {symptom.about:{width}}  {symptom.found}"
        if symptom.advice:
            yield f"{'':5}  {'':{width}}  -> {symptom.advice}"
    count = sum(symptom.state is State.WRONG for symptom in found.symptoms)
    things = "thing is" if count == 1 else "things are"
    summary = f"{count} {things} wrong" if count else "nothing is wrong"
    yield f"{summary}: {found.folder}, as of position {found.position}"
