"""The tables of ``runfold stats``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.console import Group
from rich.table import Table
from rich.text import Text

from automation.commands.printing.run_words import duration, safe, started
from automation.local_time import find_zone
from projections.statistics.flaky import FlakyStage
from projections.statistics.over_time import Figures, Statistics
from projections.statistics.regressions import RegressionsPage, RunSpeed, Speed

__all__ = ["flaky_table", "regressions_table", "statistics_table"]

_NO_PIPELINE = "(no pipeline)"


def statistics_table(found: Statistics, *, over_time: bool) -> Group:
    """Lay out pipelines with their stages below them, and each day or hour if asked for."""
    table = _table(
        ("pipeline / stage",),
        "runs,success,failed,stopped,retries,flaky,p50,p90,p95,p99,max",
    )
    form = "%Y-%m-%d" if found.bucket == "day" else "%Y-%m-%d %H:%M%z"
    for pipeline in found.pipelines:
        name = safe(pipeline.pipeline or _NO_PIPELINE, style="bold")
        table.add_row(name, *_figures(pipeline.total))
        for bucket in pipeline.buckets if over_time else ():
            begin = f"{bucket.begin:{form}}"
            table.add_row(Text(f"  {begin}", style="dim"), *_figures(bucket.figures))
        for stage in pipeline.stages:
            table.add_row(safe(f"  {stage.stage}"), *_figures(stage.total))
    noun = f"pipelines of which something ended{_time_of(found.since, found.until, found.timezone)}"
    return _with_footer(table, len(found.pipelines), noun, found.position)


def _time_of(since: datetime | None, until: datetime | None, timezone: str) -> str:
    """Say from when to when something was asked for, as a clock of a zone shows it."""
    zone = find_zone(timezone)
    return "".join(
        f" {word} {moment.astimezone(zone):%Y-%m-%d %H:%M%z}"
        for word, moment in (("from", since), ("until", until))
        if moment
    )


def flaky_table(stages: Sequence[FlakyStage], found: Statistics) -> Group:
    """Lay out the flaky stages of some statistics."""
    table = _table(("pipeline", "stage"), "runs,flaky,share,retries")
    for one in stages:
        table.add_row(
            safe(one.pipeline or _NO_PIPELINE),
            safe(one.stage),
            str(one.runs),
            str(one.flaky),
            f"{one.share:.1%}",
            str(one.retries),
        )
    noun = f"flaky stages of what ended{_time_of(found.since, found.until, found.timezone)}"
    return _with_footer(table, len(stages), noun, found.position)


def regressions_table(
    page: RegressionsPage, since: datetime, until: datetime | None, timezone: str
) -> Group:
    """Lay out the runs and stages that were slower than usual, and of which time they are."""
    table = _table(("run", "started", "pipeline", "slow"), "took,usually,ratio,successes")
    for run in page.runs:
        for at, speed in enumerate(_slow(run)):
            first = (safe(run.run_id), started(run.started_at), safe(run.pipeline or ""))
            table.add_row(*(first if at == 0 else ("", "", "")), *_speed(speed))
    noun = f"runs slower than usual that began{_time_of(since, until, timezone)}"
    return _with_footer(table, page.total, noun, page.position, len(page.runs))


def _slow(run: RunSpeed) -> list[Speed]:
    return [speed for speed in (run.run, *run.stages) if speed.regression]


def _speed(speed: Speed) -> tuple[str | Text, ...]:
    usual = speed.usual
    return (
        "the run" if speed.stage is None else safe(f"stage {speed.stage}"),
        duration(speed.seconds),
        "" if usual is None else duration(usual.median),
        "" if speed.ratio is None else f"{speed.ratio:.2f} x",
        "" if usual is None else str(usual.successes),
    )


def _figures(figures: Figures) -> list[str]:
    rate, took = figures.success_rate, figures.duration
    times = () if took is None else (took.p50, took.p90, took.p95, took.p99, took.max)
    return [
        str(figures.runs),
        "" if rate is None else f"{rate:.1%}",
        str(figures.failed),
        str(figures.stopped),
        str(figures.retries),
        str(figures.flaky),
        *(map(duration, times) if times else [""] * 5),
    ]


def _table(texts: Sequence[str], numbers: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for header in texts:
        table.add_column(header, overflow="fold")
    for header in numbers.split(","):
        table.add_column(header, justify="right", no_wrap=True)
    return table


def _with_footer(
    table: Table, count: int, noun: str, position: int, shown: int | None = None
) -> Group:
    of = f"{shown} of " if shown is not None and shown < count else ""
    text = f"{of}{noun}: {count}; as of position {position}"
    said = Text(text, style="dim")
    return Group(table, said) if count else Group(said)
