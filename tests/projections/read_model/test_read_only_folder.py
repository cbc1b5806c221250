"""A folder that cannot be written, like an auditor's copy, is served from a cache folder."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ledger.disk.folder import LedgerFolder
from projections import RunHistory
from projections.errors import ReadModelUnusable
from projections.read_model.read_model import ReadModels
from tests.ledger.examples import one_run
from tests.ledger.witness import snapshot
from tests.projections.ledgers import append, copy_of, dump_of


def mount(*arguments: object) -> None:
    """Mount something, or skip the test where that is not possible."""
    command = ["mount", *map(str, arguments)]
    tried = subprocess.run(command, capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"nothing can be mounted here: {tried.stderr.strip()}")


@contextmanager
def read_only_view(folder: Path, view: Path) -> Iterator[None]:
    """Show a folder in another place (or its own), where nobody can write to it, not even root."""
    mount("--bind", folder, view)
    try:
        mount("-o", "remount,ro,bind", view)
        yield
    finally:
        subprocess.run(["umount", view], check=True)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Make a folder one that nobody can write to; modes do for all but root."""
    if os.geteuid() == 0:
        with read_only_view(folder, folder):
            yield
        return
    paths = [folder, *folder.rglob("*")]
    for path in paths:
        path.chmod(path.stat().st_mode & ~0o222)
    try:
        yield
    finally:
        for path in paths:
            path.chmod(path.stat().st_mode | 0o200)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Name a cache folder that is not there yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_read_only_folder_is_served_from_the_cache(tmp_path: Path, cache: Path) -> None:
    """Reads answer as ever, nothing in the folder changes, and the model is kept for next time."""
    folder = tmp_path / "runs"
    append(folder, [*one_run("run-1"), *one_run("run-2")])
    expected = dump_of(folder)
    with_model, without = copy_of(folder, "with-model"), copy_of(folder, "without-model")
    shutil.rmtree(without / "read-models")

    for copy in (with_model, without):
        before = snapshot(copy)
        with read_only(copy):
            for _ in range(2):
                assert dump_of(copy) == expected
            assert ReadModels.of(LedgerFolder(copy)).path.parent == cache / "runfold"
            assert snapshot(copy) == before
    kept = sorted(cache.rglob("*.sqlite"))
    assert [path.name for path in kept] == ["000001.sqlite", "000001.sqlite"]


def test_a_log_that_grows_under_a_read_only_view_is_followed(tmp_path: Path, cache: Path) -> None:
    """The view is read-only here, the log is not: what another machine appends shows."""
    folder, view = tmp_path / "runs", tmp_path / "view"
    append(folder, one_run("run-1"))
    view.mkdir()

    with read_only_view(folder, view), RunHistory(view) as history:
        assert history.get_run_count() == 1
        append(folder, one_run("run-2"))
        assert history.get_run_count() == 2
    assert (cache / "runfold").is_dir()


def test_copies_of_one_ledger_do_not_share_a_model(tmp_path: Path, cache: Path) -> None:
    """An older copy of a ledger is another log to look at, so it has a model of its own."""
    folder = tmp_path / "runs"
    append(folder, one_run("run-1"))
    old = copy_of(folder, "old")
    append(folder, one_run("run-2"))
    new = copy_of(folder, "new")

    for copy, count in ((new, 2), (old, 1), (new, 2)):
        with read_only(copy), RunHistory(copy) as history:
            assert history.get_run_count() == count
    assert len(list((cache / "runfold").iterdir())) == 2


def test_without_a_home_for_a_cache_the_error_says_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user of whom the system knows nothing, as in a container, has none."""
    folder = tmp_path / "runs"
    append(folder, one_run("run-1"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    # A home that is not to be found out, whoever runs this test.
    monkeypatch.setenv("HOME", "~")

    with read_only(folder), pytest.raises(ReadModelUnusable, match="set XDG_CACHE_HOME"):
        RunHistory(folder)
