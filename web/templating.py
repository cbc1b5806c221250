"""The Jinja2 environment of the pages: everything is escaped, and an unknown name is an error."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from ledger.evidence.tree_head import root_in_head
from ledger.plain_values import utc_text
from web.addresses import pipeline_address, run_address
from web.navigation import NAVIGATION
from web.static_files import static_address
from web.wording import (
    ago_text,
    duration_text,
    number_text,
    percent_text,
    readable,
    readable_lines,
    size_text,
    span_text,
    utc_minute,
    utc_short,
)

__all__ = ["render", "source_of"]

_LOADER = PackageLoader("web")

_SHORT = 60


def _json_text(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Write a value on one line where it is short, and over several where it is not."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) < _SHORT else json.dumps(value, ensure_ascii=False, indent=2)


def _millis(moment: datetime | float) -> int:
    """Give a moment as the scripts take it: milliseconds since 1970."""
    seconds = moment.timestamp() if isinstance(moment, datetime) else moment
    return round(1000 * seconds)


def _unbroken_duration(seconds: float) -> str:
    """Write a duration so that no line ends within it."""
    return duration_text(seconds).replace(" ", "\N{NO-BREAK SPACE}")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=_LOADER,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"navigation": NAVIGATION, "static": static_address}
    environment.filters |= {
        "ago": ago_text,
        "bytes": size_text,
        "duration": _unbroken_duration,
        "in_tree_head": lambda root: root_in_head(bytes.fromhex(root)),
        "number": number_text,
        "one_line": readable,
        "lines": readable_lines,
        "millis": _millis,
        "percent": percent_text,
        "pipeline_address": pipeline_address,
        "pretty": _json_text,
        "run_address": run_address,
        "span": span_text,
        "utc": utc_minute,
        "utc_short": utc_short,
        "utc_text": utc_text,
    }
    return environment


def render(name: str, **values: object) -> str:
    """Fill in a template."""
    return _environment().get_template(name).render(values)


def source_of(name: str) -> str:
    """Give a file among the templates as it is."""
    return _LOADER.get_source(_environment(), name)[0]
