"""``runfold rebuild``: build the read model anew; or first see what that would change."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from automation.commands.exit_codes import ExitCode
from automation.commands.options.options import FolderOption, JsonOption, folder_of
from automation.commands.printing.comparison_words import SamplesOption, most
from automation.commands.printing.lacks import warn_of_damage
from automation.commands.printing.output import write_data, write_json, write_rich
from automation.commands.verify_command import check_progress
from automation.errors import BadArgument
from ledger import LogReader
from ledger.recording.termination import sigterm_raises
from projections import RunHistory
from projections.checking.model_comparison import SAMPLES
from projections.checking.preview import preview
from projections.engine.candidate import rebuild as build_anew
from projections.engine.projector import Projector
from projections.errors import ProjectionInvalid, ProjectionNotInstalled
from projections.projection import Projection
from projections.registry import load_projection

__all__ = ["rebuild"]


def rebuild(
    *,
    previewed: Annotated[
        bool,
        typer.Option("--preview", help="Only show what would differ: exit 1 if anything does."),
    ] = False,
    projection: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODULE:CLASS",
            help="With --preview: instead of the installed one of that name, or beside them all.",
        ),
    ] = None,
    promote: Annotated[
        bool, typer.Option("--promote", help="With --preview: switch to what was previewed.")
    ] = False,
    samples: SamplesOption = SAMPLES,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Build the read model anew beside the live one, then switch to it."""
    path = folder_of(folder)
    with sigterm_raises():
        if previewed:
            _preview(path, projection or [], promote=promote, samples=samples, as_json=as_json)
            return
        if promote or projection:
            given = "--promote" if promote else "--projection"
            raise BadArgument(given, "goes with --preview")
        _rebuild(path, as_json=as_json)


def _rebuild(path: Path, *, as_json: bool) -> None:
    reader = LogReader(path)
    projector = Projector(reader)
    with check_progress() as progress:
        if progress:
            generation = build_anew(reader, projector, progress)
        else:
            generation = build_anew(reader, projector)
    built = {"generation": generation.stem, "position": projector.position()}
    if as_json:
        write_json(built)
    else:
        write_data(f"generation {built['generation']} is current\n".encode())
    _warn_of_damage(path)


def _warn_of_damage(path: Path) -> None:
    """Say what the model that has become current lacks, which the one before it may have had."""
    with RunHistory(path) as history:
        warn_of_damage(history)


def _preview(path: Path, places: list[str], *, promote: bool, samples: int, as_json: bool) -> None:
    # A projection that is being written lies where its author works, and is not installed yet.
    given = [_load(place) for place in places]
    if promote:
        _check_installed(given)
    with check_progress() as progress:
        found = preview(
            path,
            given=given,
            switch=promote,
            samples=most(samples),
            progress=progress or (lambda _reached, _last: None),
        )
    if as_json:
        write_json(msgspec.to_builtins(found))
    else:
        # Needs rich, which JSON does not.
        from automation.commands.printing.preview_report import preview_report  # noqa: PLC0415

        write_rich(*preview_report(found))
    if found.promoted:
        _warn_of_damage(path)
    raise typer.Exit(ExitCode.FINE if found.equal or found.promoted else ExitCode.WRONG)


def _load(place: str) -> Projection[Any]:
    """Load a projection from where its author works, before any that is installed."""
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        return load_projection(place)
    except ProjectionInvalid as error:
        raise BadArgument("--projection", str(error)) from error
    finally:
        # Behind all others: what is imported later must not be taken from there by accident.
        sys.path.remove(here)
        sys.path.append(here)


def _check_installed(given: Sequence[Projection[Any]]) -> None:
    """Refuse code that only this folder has, since nobody elsewhere could go on with it."""
    elsewhere = [entry for entry in sys.path if Path(entry).resolve() != Path.cwd()]
    for projection in given:
        module = sys.modules[type(projection).__module__]
        found = PathFinder.find_spec(module.__name__.partition(".")[0], elsewhere)
        folder = Path(found.origin).parent if found and found.origin else None
        if folder is None or folder not in Path(str(module.__file__)).parents:
            raise ProjectionNotInstalled(projection.name, projection.version)
