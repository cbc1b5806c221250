"""How what a check found is said: one plain line for each finding."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from automation.commands.printing.terminal_text import printable
from projections.pipelines.freshness import Finding, FindingKind
from projections.pipelines.pipeline_standings import FreshnessReport

__all__ = ["finding_line", "fine_line", "span_text"]

_MINUTE = 60
_UNITS = (("d", 86_400), ("h", 3_600), ("min", _MINUTE), ("s", 1))


def finding_line(finding: Finding, position: int) -> str:
    """Say what is not as expected, and as of which position, safe for a terminal."""
    subject = finding.pipeline or "the ledger"
    said = f"{subject}: {_WORDS[finding.kind](finding)}"
    return printable(f"{said}; as of position {position}")


def fine_line(report: FreshnessReport) -> str:
    """Say that all is as expected."""
    count = len(report.pipelines)
    checked = {0: "no pipeline has run yet", 1: "1 pipeline is as expected"}.get(
        count, f"{count} pipelines are as expected"
    )
    return f"{checked}; as of position {report.position}"


def span_text(seconds: float | None) -> str:
    """Say a length of time by its two largest units, like ``1 d 3 h``."""
    left = round(abs(seconds or 0))
    parts = []
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def _moment(moment: datetime | None) -> str:
    return "an unknown time" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}Z"


def _no_run(finding: Finding) -> str:
    return "there is no run yet" if finding.pipeline is None else "there is no run of this pipeline"


def _no_success(_finding: Finding) -> str:
    return "no run has ever succeeded"


def _too_old(finding: Finding) -> str:
    age, allowed = span_text(finding.seconds), span_text(finding.allowed_seconds)
    return (
        f"the last success ended {age} ago, at {_moment(finding.at)} (run {finding.run_id});"
        f" {allowed} is allowed"
    )


def _ahead(finding: Finding) -> str:
    return (
        f"the last success says that it ended {span_text(finding.seconds)} from now, at"
        f" {_moment(finding.at)} (run {finding.run_id}): a clock is wrong"
    )


def _presumed_dead(finding: Finding) -> str:
    return f"run {finding.run_id} is presumed dead, last heard of at {_moment(finding.at)}"


def _too_long(finding: Finding) -> str:
    taken, allowed = span_text(finding.seconds), span_text(finding.allowed_seconds)
    return (
        f"run {finding.run_id} goes on for {taken}, since {_moment(finding.at)};"
        f" {allowed} is allowed"
    )


def _regression(finding: Finding) -> str:
    what = f"run {finding.run_id}"
    if finding.stage is not None:
        what = f"stage {finding.stage} of {what}"
    took, usual = finding.seconds or 0.0, finding.allowed_seconds or 0.0
    times = f": {took / usual:.1f} times" if usual > 0 else ""
    return f"{what} took {_taken(took)}, usually it takes {_taken(usual)}{times}"


def _taken(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds < _MINUTE else span_text(seconds)


_WORDS: Mapping[FindingKind, Callable[[Finding], str]] = {
    "no_run": _no_run,
    "no_success": _no_success,
    "too_old": _too_old,
    "ahead": _ahead,
    "presumed_dead": _presumed_dead,
    "too_long": _too_long,
    "regression": _regression,
}
