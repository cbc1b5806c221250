"""What ``runfold run`` says on stderr while a run goes on.

On a terminal, one line for each stage that lives until the run ends, with what stages print above
it. Elsewhere plain lines, and what stages print as it comes. Neither may fail a run: a stderr that
is gone is written to no more.
"""

from __future__ import annotations

import codecs
import contextlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from automation.commands.printing.run_words import duration, error_line, result_of
from automation.commands.printing.terminal_text import printable
from automation.pipeline import Pipeline
from automation.running.observer import RunObserver, StageOutputToStderr
from ledger.disk.fork_safety import forget_in_children
from ledger.recording.termination import is_stop
from projections import RunSummary

__all__ = ["LiveProgress", "PlainProgress", "Silence", "progress_display"]


class Silence(StageOutputToStderr):
    """Says nothing, and shows nothing of what stages print."""

    def stage_output(self, stage: str, data: bytes) -> None:
        """Say nothing."""


class PlainProgress(StageOutputToStderr):
    """A line for each step."""

    def __init__(self) -> None:
        self._line_is_open = False

    def run_started(self, run_id: str, pipeline: Pipeline) -> None:
        """Say which run it is."""
        self._say(f"run {run_id} of {pipeline.name}")

    def stage_started(self, stage: str, attempt: int) -> None:
        """Say which attempt it is."""
        self._say(f"{stage}: {_attempt(attempt)}")

    def stage_ended(
        self, stage: str, attempt: int, error: BaseException | None, seconds: float
    ) -> None:
        """Say how it ended."""
        again = f" (attempt {attempt})" if attempt > 1 else ""
        self._say(f"{stage}{again}: {_ended(error, seconds)}")

    def stage_output(self, stage: str, data: bytes) -> None:
        """Pass it on as it comes."""
        super().stage_output(stage, data)
        self._line_is_open = not data.endswith(b"\n")

    def stage_waits(self, stage: str, seconds: float) -> None:
        """Say when it is tried again."""
        self._say(f"{stage}: again in {duration(seconds)}")

    def run_ended(self, summary: RunSummary) -> None:
        """Say what the run came to."""
        self._say(f"run {summary.run_id}: {result_of(summary)}")

    def _say(self, line: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            # What a stage printed may lack its last newline.
            sys.stderr.write("\n" if self._line_is_open else "")
            self._line_is_open = False
            sys.stderr.write(f"{printable(line)}\n")
            sys.stderr.flush()


class LiveProgress:
    """A line for each stage, kept up to date."""

    def __init__(self) -> None:
        self._streams = (sys.stdout, sys.stderr)
        self._progress = Progress(
            SpinnerColumn(finished_text=" "),
            TextColumn("{task.description}", markup=False),
            TextColumn("{task.fields[state]}", markup=False),
            TimeElapsedColumn(),
            console=Console(stderr=True, markup=False, highlight=False),
            transient=True,
        )
        self._tasks: Mapping[str, TaskID] = {}
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._unfinished = ""
        forget_in_children(self)

    def forget_in_child(self) -> None:
        """Give a forked child its streams back: the thread that draws is not in it."""
        sys.stdout, sys.stderr = self._streams

    def begin(self) -> None:
        """Start to draw."""
        self._progress.start()

    def finish(self) -> None:
        """Take the lines away: the table on stdout says it all."""
        self._progress.stop()

    def run_started(self, run_id: str, pipeline: Pipeline) -> None:
        """Show all planned stages."""
        self._print(f"run {run_id} of {pipeline.name}")
        self._tasks = {
            stage.name: self._progress.add_task(stage.name, start=False, total=1, state="planned")
            for stage in pipeline.stages
        }

    def stage_started(self, stage: str, attempt: int) -> None:
        """Start the clock of an attempt."""
        self._progress.reset(self._tasks[stage], state=_attempt(attempt))

    def stage_output(self, stage: str, data: bytes) -> None:
        """Print the whole lines above; the rest waits for its end."""
        text = self._unfinished + self._decoder.decode(data)
        *lines, self._unfinished = text.split("\n")
        for line in lines:
            self._progress.console.print(Text.from_ansi(f"{stage}: {line}"))

    def stage_ended(
        self, stage: str, attempt: int, error: BaseException | None, seconds: float
    ) -> None:
        """Stop the clock, and say what went wrong."""
        if self._unfinished:
            self.stage_output(stage, b"\n")
        ended = _ended(error, seconds)
        if error is not None:
            self._print(f"{stage}, attempt {attempt}: {ended}")
        state = "done" if error is None else ended.partition(" ")[0].rstrip(",")
        self._progress.update(self._tasks[stage], completed=1, state=state)
        self._progress.stop_task(self._tasks[stage])

    def stage_waits(self, stage: str, seconds: float) -> None:
        """Say when it is tried again."""
        self._progress.update(self._tasks[stage], state=f"again in {duration(seconds)}")

    def run_ended(self, summary: RunSummary) -> None:
        """Say nothing: the table on stdout follows."""

    def _print(self, line: str) -> None:
        self._progress.console.print(Text(printable(line)))


@contextmanager
def progress_display(*, quiet: bool) -> Iterator[RunObserver]:
    """Show the progress of a run in the way that suits stderr."""
    if quiet:
        yield Silence()
        return
    if not sys.stderr.isatty() or Console(stderr=True).is_dumb_terminal:
        yield PlainProgress()
        return
    live = LiveProgress()
    live.begin()
    try:
        yield live
    finally:
        live.finish()


def _attempt(number: int) -> str:
    return "started" if number == 1 else f"attempt {number}"


def _ended(error: BaseException | None, seconds: float) -> str:
    if error is None:
        return f"success, {duration(seconds)}"
    if is_stop(error):
        return f"stopped, {duration(seconds)}"
    return f"failed, {duration(seconds)}: {error_line(error)}"
