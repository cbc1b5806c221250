"""Pipelines from TOML files, good and bad."""

from __future__ import annotations

from pathlib import Path

import pytest

from automation import PipelineError, ShellCommand, load_pipeline

STAGE = '[[stage]]\nname = "a"\n'


def write(folder: Path, text: str | bytes, name: str = "nightly.toml") -> Path:
    """Write a pipeline file."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_file_becomes_a_pipeline(tmp_path: Path) -> None:
    """Every key of the format ends up where it belongs."""
    (tmp_path / "whole_file_stages.py").write_text("def load(stage):\n    return stage\n")
    path = write(
        tmp_path,
        """
        name = "prices"
        [parameters]
        day = 2026-01-15
        rows = 3
        [metadata]
        team = "data"
        [[stage]]
        name = "load/orders"
        call = "whole_file_stages:load"
        retries = 2
        retry_delay = 1
        timeout = 1.5
        [[stage]]
        name = "publish"
        run = "echo done"
        """,
    )

    pipeline = load_pipeline(path)

    load, publish = pipeline.stages
    assert pipeline.name == "prices"
    assert pipeline.parameters == {"day": "2026-01-15", "rows": 3}
    assert pipeline.metadata == {"team": "data"}
    assert (load.name, load.retries, load.retry_delay, load.timeout) == ("load/orders", 2, 1, 1.5)
    assert load.takes_context
    assert publish.function == ShellCommand("echo done")
    assert (publish.retries, publish.retry_delay, publish.timeout) == (0, 0, None)


def test_the_name_defaults_to_that_of_the_file(tmp_path: Path) -> None:
    """A file that names no pipeline is named by its stem."""
    assert load_pipeline(write(tmp_path, STAGE + 'run = "true"')).name == "nightly"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("nmae = 'x'\n" + STAGE + "run = 'x'", "nmae: unknown key; did you mean name?"),
        ("[[stages]]\nname = 'a'", "stages: unknown key; did you mean stage?"),
        ("zzz = 1\n" + STAGE, "zzz: unknown key; the keys are name, parameters, metadata, stage"),
        (STAGE + "run = 'x'\nretires = 1", "stage a: retires: unknown key; did you mean retries?"),
        ("[[stage]]\ncmd = 'x'", "stage 1: cmd: unknown key; the keys are name, call, run,"),
        (STAGE + "run = 'x'\ncall = 'a:b'", "stage a: call and run are both there"),
        (STAGE, "stage a: neither call nor run is there"),
        (STAGE + "run = ' '", "stage a: run is empty"),
        (STAGE + "run = 'x'\nretries = '1'", "stage a: retries: '1' is not a whole number"),
        (STAGE + "run = 'x'\nretries = -1", "stage a: retries: -1 is not a whole number"),
        (STAGE + "run = 'x'\ntimeout = 0", "stage a: timeout: 0.0 is not a number above 0"),
        ("[[stage]]\nrun = 'x'", "stage 1: name: it is missing"),
        ("[[stage]]\nname = 'a b'\nrun = 'x'", "stage.name: 'a b' is not a name"),
        ((STAGE + "run = 'x'\n") * 2, "pipeline nightly: stages: two are named a"),
        ("name = 'a/b'\n" + STAGE + "run = 'x'", "pipeline.name: 'a/b' is not a name"),
        ("name = 3\n" + STAGE + "run = 'x'", "name: 3 is not text"),
        ("", "stage: a pipeline has one [[stage]] or more"),
        ("stage = 3", "stage: a pipeline has one [[stage]] or more"),
        ("stage = []", "pipeline nightly: stages: there is none"),
        ("name = 'a'\nname = 'b'", "line 2, column 11: Cannot overwrite a value"),
        ("name = 'a", "line 1, column 10: a string is not closed"),
        (b"# fine\nname = '\xff'", "line 2: not UTF-8"),
        (STAGE + "call = 'nowhere:x'", "stage a: call: there is no module 'nowhere'"),
        (STAGE + "call = 'os.path:x'", "stage a: call: module 'os.path' has no function 'x'"),
        (STAGE + "call = 'os:rename'", "stage a: function: rename asks for (src, dst)"),
    ],
)
def test_a_bad_file_is_refused_by_name_and_place(
    tmp_path: Path, text: str | bytes, problem: str
) -> None:
    """The error names the file, and the key or the line that is wrong."""
    path = write(tmp_path, text)

    with pytest.raises(PipelineError) as caught:
        load_pipeline(path)

    assert str(caught.value).startswith(f"{path}: {problem}")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A missing file and a folder are no pipelines."""
    with pytest.raises(PipelineError, match=r"none\.toml: file: there is none"):
        load_pipeline(tmp_path / "none.toml")
    with pytest.raises(PipelineError, match=r": file: Is a directory"):
        load_pipeline(tmp_path)


def test_the_file_is_found_out_before_anything_runs(tmp_path: Path) -> None:
    """A bad last stage is an error of the file, and the first one has not run."""
    witness = tmp_path / "ran"
    path = write(
        tmp_path,
        f"{STAGE}run = 'touch {witness}'\n[[stage]]\nname = 'b'\ncall = 'nowhere:x'\n",
    )

    with pytest.raises(PipelineError, match="stage b: call: there is no module 'nowhere'"):
        load_pipeline(path)

    assert not witness.exists()
