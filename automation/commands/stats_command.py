"""``runfold stats``: how often, how well and how fast pipelines and their stages run."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from automation.commands.options.moments import MOMENT, parse_moment
from automation.commands.options.options import FolderOption, JsonOption, folder_of
from automation.commands.printing.lacks import warn_of_lacks
from automation.commands.printing.output import write_json, write_rich
from automation.errors import BadArgument
from automation.local_time import find_zone
from projections import RunHistory
from projections.listing.period import check_period
from projections.statistics.flaky import flaky_stages
from projections.statistics.over_time import Statistics, statistics
from projections.statistics.regressions import list_regressions

__all__ = ["stats"]


class Bucket(StrEnum):
    """Over what the statistics are split."""

    DAY = "day"
    HOUR = "hour"


def stats(
    *,
    pipeline: Annotated[str | None, typer.Option(help="Only this pipeline.")] = None,
    since: Annotated[
        str, typer.Option(metavar=MOMENT, help="Only what ended (or regressed) from then on.")
    ] = "30d",
    until: Annotated[
        str | None, typer.Option(metavar=MOMENT, help="Only what ended before then.")
    ] = None,
    bucket: Annotated[
        Bucket | None, typer.Option(help="Show each day or hour of a pipeline, too.")
    ] = None,
    timezone: Annotated[
        str, typer.Option(metavar="ZONE", help="Whose days and hours, like Europe/Berlin.")
    ] = "UTC",
    regressions: Annotated[
        bool, typer.Option("--regressions", help="List the runs that were slower than usual.")
    ] = False,
    flaky: Annotated[
        bool, typer.Option("--flaky", help="List the stages that failed, and passed when retried.")
    ] = False,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show runs, success rate, retries and durations of pipelines and stages."""
    if regressions and flaky:
        raise BadArgument("--flaky", "cannot be asked together with --regressions")
    now = datetime.now(UTC)
    begin = parse_moment("--since", since, now)
    end = None if until is None else parse_moment("--until", until, now)
    check_period(("--since", begin), ("--until", end))
    find_zone(timezone)
    with RunHistory(folder_of(folder)) as history:
        if regressions:
            slow = list_regressions(history, since=begin, until=end, pipeline=pipeline)
            if as_json:
                write_json(slow.model_dump(mode="json"))
            else:
                # Needs rich, which JSON does not; so below.
                from automation.commands.printing.stats_tables import regressions_table  # noqa: PLC0415

                write_rich(regressions_table(slow, begin, end, timezone))
        else:
            found = statistics(
                history,
                pipeline=pipeline,
                since=begin,
                until=end,
                bucket=(bucket or Bucket.DAY).value,
                timezone=timezone,
            )
            if flaky:
                _write_flaky(found, as_json=as_json)
            else:
                _write_statistics(found, over_time=bucket is not None, as_json=as_json)
        warn_of_lacks(history, pipeline=pipeline)


def _write_statistics(found: Statistics, *, over_time: bool, as_json: bool) -> None:
    if as_json:
        write_json(found.model_dump(mode="json"))
        return
    from automation.commands.printing.stats_tables import statistics_table  # noqa: PLC0415

    write_rich(statistics_table(found, over_time=over_time))


def _write_flaky(found: Statistics, *, as_json: bool) -> None:
    stages = flaky_stages(found)
    if as_json:
        listed = [stage.model_dump(mode="json") for stage in stages]
        write_json({"stages": listed, "position": found.position})
        return
    from automation.commands.printing.stats_tables import flaky_table  # noqa: PLC0415

    write_rich(flaky_table(stages, found))
