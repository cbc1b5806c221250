"""The pipelines that ship with the project, by the names that ``runfold run`` takes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from automation.errors import UnknownPipeline

__all__ = ["built_in_pipelines", "find_pipeline_file"]

_PIPELINES = Path(__file__).parent / "pipelines"


def built_in_pipelines() -> Mapping[str, Path]:
    """Give the file of each pipeline that ships, by its name, like ``market-data``."""
    files = sorted(_PIPELINES.glob("*/pipeline.toml"))
    return {file.parent.name.replace("_", "-"): file for file in files}


def find_pipeline_file(name: str) -> Path:
    """Find what ``runfold run`` was asked for: a TOML file, else a pipeline that ships.

    Whatever ends in ``.toml`` or holds a ``/`` is a path, and whether it exists is found out when
    it is read.

    Raises:
        UnknownPipeline: it is neither; lists those that ship.
    """
    if name.endswith(".toml") or os.sep in name:
        return Path(name)
    known = built_in_pipelines()
    if name not in known:
        raise UnknownPipeline(name, tuple(known))
    return known[name]
