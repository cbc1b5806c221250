"""The pipelines that ship, and how they are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from automation import UnknownPipeline, load_pipeline
from automation.built_in import built_in_pipelines, find_pipeline_file


def test_each_pipeline_that_ships_can_be_loaded_by_its_name() -> None:
    """A name has dashes where the folder has underscores, and is the pipeline's own."""
    names = built_in_pipelines()

    assert "market-data" in names
    for name in names:
        assert load_pipeline(find_pipeline_file(name)).name == name


@pytest.mark.parametrize("path", ["nightly.toml", "./nightly.toml", "jobs/nightly", "../x.toml"])
def test_a_path_is_taken_as_it_is(path: str) -> None:
    """What ends in .toml or holds a slash is a path, whether it is there or not."""
    assert find_pipeline_file(path) == Path(path)


@pytest.mark.parametrize("name", ["nope", "market_data", "..", "", "market-data\n"])
def test_an_unknown_name_lists_what_there_is(name: str) -> None:
    """The error names the pipelines that ship, and what records a script."""
    with pytest.raises(UnknownPipeline, match=r"there is no pipeline .*market-data; runfold exec"):
        find_pipeline_file(name)
