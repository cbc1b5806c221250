"""The options by which runs are chosen, once for every command that has them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import typer

from automation.commands.failure_choice import find_fingerprint
from automation.commands.options.moments import MOMENT, parse_moment
from automation.commands.options.options import parse_pairs
from automation.errors import BadArgument
from ledger.events import Result
from projections import RunHistory
from projections.failures.fingerprint import DIGITS
from projections.listing.period import check_period
from projections.listing.run_filter import PERIODS, RESULTS, RunFilter

__all__ = ["chooses_runs", "with_whole_fingerprint"]

_Text = str | None
_RUNNING = "running"


def _time_option(text: str, *names: str) -> Any:  # noqa: ANN401 - typer's own kind
    return typer.Option(*names, metavar=MOMENT, help=text)


def chooses_runs(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that choose runs; it takes the filter as ``matching``."""
    options = inspect.signature(_run_filter, eval_str=True).parameters
    own = inspect.signature(command, eval_str=True).parameters
    others = [parameter for name, parameter in own.items() if name != "matching"]

    @functools.wraps(command)
    def choosing(**given: Any) -> None:
        chosen = {name: given.pop(name) for name in options}
        command(**given, matching=_run_filter(**chosen))

    parameters = [*options.values(), *others]
    choosing.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # read by inspect
    choosing.__annotations__ = {each.name: each.annotation for each in parameters}
    return choosing


def _run_filter(
    *,
    result: Annotated[
        _Text,
        typer.Option(help="Only runs that ended so: success, failed or stopped; or running."),
    ] = None,
    running: Annotated[
        bool, typer.Option("--running", help="The same as --result running.")
    ] = False,
    pipeline: Annotated[_Text, typer.Option(help="Only runs of this pipeline.")] = None,
    stage: Annotated[_Text, typer.Option(help="Only runs that executed this stage.")] = None,
    failed_stage: Annotated[
        _Text, typer.Option(metavar="STAGE", help="Only runs in which this stage failed.")
    ] = None,
    metadata: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Only runs with this metadata. May be repeated."),
    ] = None,
    started_after: Annotated[
        _Text, _time_option("Started then or later.", "--started-after", "--since")
    ] = None,
    started_before: Annotated[_Text, _time_option("Started earlier.", "--started-before")] = None,
    ended_after: Annotated[_Text, _time_option("Ended then or later.", "--ended-after")] = None,
    ended_before: Annotated[_Text, _time_option("Ended earlier.", "--ended-before")] = None,
    duration_above: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Took as long, or longer.")
    ] = None,
    duration_below: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Took less.")
    ] = None,
    reason: Annotated[
        _Text, typer.Option(metavar="TEXT", help="The reason of the failure holds this text.")
    ] = None,
    fingerprint: Annotated[
        _Text,
        typer.Option(
            metavar="HEX",
            help="It failed with this, as runfold failures tells; its beginning will do.",
        ),
    ] = None,
) -> RunFilter:
    now = datetime.now(UTC)
    bounds: dict[str, Any] = {
        "started_after": _time("--started-after", started_after, now),
        "started_before": _time("--started-before", started_before, now),
        "ended_after": _time("--ended-after", ended_after, now),
        "ended_before": _time("--ended-before", ended_before, now),
        "duration_above": duration_above,
        "duration_below": duration_below,
    }
    # Before the filter does, which calls them otherwise.
    for begin, end in PERIODS:
        check_period((_option(begin), bounds[begin]), (_option(end), bounds[end]))
    return RunFilter(
        result=_result(result),
        running=running or result == _RUNNING,
        pipeline=pipeline,
        stage_executed=stage,
        stage_failed=failed_stage,
        metadata=parse_pairs("--metadata", metadata or ()),
        reason=reason,
        fingerprint=fingerprint,
        **bounds,
    )


def with_whole_fingerprint(matching: RunFilter, history: RunHistory) -> RunFilter:
    """Complete the beginning of a fingerprint; a whole one need not be of any failure yet.

    Raises:
        FailureNotFound: no failure is meant by it.
        FailureAmbiguous: several are.
    """
    given = matching.fingerprint
    if given is None or len(given) == DIGITS:
        return matching
    return msgspec.structs.replace(matching, fingerprint=find_fingerprint(history, given))


def _result(text: str | None) -> Result | None:
    """Read how the runs ended; those that are running have no result."""
    known = next((result for result in RESULTS if result == text), None)
    if known is None and text not in (None, _RUNNING):
        reason = f"{text!r} is not one of {', '.join((*RESULTS, _RUNNING))}"
        raise BadArgument("--result", reason)
    return known


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _time(option: str, text: str | None, now: datetime) -> datetime | None:
    return None if text is None else parse_moment(option, text, now)
