"""``runfold verify``: check the whole log, and name all that is not as it must be."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from automation.commands.exit_codes import ExitCode
from automation.commands.options.options import FolderOption, JsonOption, folder_of
from automation.commands.printing.comparison_words import SamplesOption, most
from automation.commands.printing.deep_words import deep_lines
from automation.commands.printing.output import write_data, write_json, write_words
from automation.commands.printing.terminal_text import printable
from ledger.evidence.tree_head import root_text
from ledger.integrity.findings import Finding
from ledger.integrity.verify import Progress, Verification, verify
from ledger.recording.termination import sigterm_raises
from projections.checking.deep_check import DeepCheck, check_deep

__all__ = ["check_progress", "verification_lines", "verify_log"]

_NEXT = (
    "change nothing, and copy the whole folder first;"
    " then runfold repair goes on without what is out of reach, or says why it cannot"
)


def verify_log(
    *,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="How many processes; all cores if not given.")
    ] = None,
    deep: Annotated[
        bool,
        typer.Option("--deep", help="Then fold the log again, and compare the read model with it."),
    ] = False,
    samples: SamplesOption = 100,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check the whole log: every line, the chain, the indexes and the tree head."""
    path = folder_of(folder)
    with check_progress() as progress:
        found = verify(path, jobs=jobs, progress=progress)
    if not as_json:
        write_data("".join(f"{line}\n" for line in verification_lines(found)).encode())
    folded = _fold_again(path, most(samples)) if deep and found.sound else None
    if as_json:
        compared = {"deep": msgspec.to_builtins(folded)} if deep else {}
        write_json({**verification_json(found), **compared})
    elif deep:
        write_data("".join(f"{line}\n" for line in deep_lines(folded)).encode())
    if not found.sound:
        if not as_json:
            write_words(_NEXT)
        raise typer.Exit(ExitCode.DAMAGED)
    raise typer.Exit(ExitCode.FINE if folded is None or folded.equal else ExitCode.WRONG)


def _fold_again(path: Path, samples: int | None) -> DeepCheck:
    with sigterm_raises(), check_progress() as progress:
        if progress is None:
            return check_deep(path, samples=samples)
        return check_deep(path, samples=samples, progress=progress)


def verification_json(found: Verification) -> dict[str, Any]:
    """Give what was found as plain JSON values."""
    value: dict[str, Any] = msgspec.to_builtins(found)
    return value


def verification_lines(found: Verification) -> Iterator[str]:
    """Say what was found, a line for each thing that is wrong, and one for the whole."""
    for finding in found.findings:
        yield _line("damaged", finding)
    if found.more:
        yield "damaged: and more"
    for note in found.notes:
        yield _line("note", note)
    runs = "1 run" if found.runs == 1 else f"{found.runs} runs"
    segments = "1 segment" if found.segments == 1 else f"{found.segments} segments"
    whole = f"{found.position} events of {runs} in {segments}"
    lost = sum(item.count for item in found.out_of_reach)
    yield f"sound: {whole}" if found.sound else f"damaged: a log of {whole}"
    if lost:
        events = "1 event" if lost == 1 else f"{lost} events"
        where = _ranges([item for item in found.out_of_reach if item.count])
        yield f"out of reach: {events} ({where})"
    if found.root:
        yield f"root: {root_text(bytes.fromhex(found.root))}"


def _ranges(items: Sequence[Any]) -> str:
    return ", ".join(
        str(item.first) if item.count == 1 else f"{item.first}-{item.last}" for item in items
    )


def _line(word: str, finding: Finding) -> str:
    return printable(f"{word}: {finding}")


@contextmanager
def check_progress() -> Iterator[Progress | None]:
    """Show a progress bar on stderr, where that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    # Here, as a check in a script does without a display.
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress as Bar  # noqa: PLC0415

    with Bar(console=Console(stderr=True), transient=True, auto_refresh=False) as bar:
        task = bar.add_task("events", total=None)

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, refresh=True)

        yield show
