"""Finding the function that a pipeline file names."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from automation.stage_functions import FunctionNotFound, find_function


@pytest.fixture(autouse=True)
def _same_path_afterwards() -> Iterator[None]:
    before = list(sys.path)
    yield
    sys.path[:] = before


def test_a_function_is_found_beside_the_file(tmp_path: Path) -> None:
    """Modules in the file's folder can be named, and so can what lies in their classes."""
    (tmp_path / "beside_the_file.py").write_text(
        "def load(): return 1\nclass Nightly:\n    @staticmethod\n    def load(): return 2\n"
    )

    assert find_function("beside_the_file:load", tmp_path)() == 1
    assert find_function("beside_the_file:Nightly.load", tmp_path)() == 2


def test_the_folder_comes_last(tmp_path: Path) -> None:
    """A file beside the pipeline never replaces a module that is installed."""
    (tmp_path / "json.py").write_text("def loads(text): return 'mine'\n")

    assert find_function("json:loads", tmp_path) is json.loads
    assert sys.path[-1] == str(tmp_path)


@pytest.mark.parametrize(
    "call", ["", "os", ":x", "os:", "os:a b", "os..path:join", "a/b:c", "os:1"]
)
def test_a_call_has_a_module_and_a_function(call: str, tmp_path: Path) -> None:
    """Anything but module:function is refused, and nothing is imported."""
    with pytest.raises(FunctionNotFound, match="is not module:function"):
        find_function(call, tmp_path)


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ("nowhere:x", "there is no module 'nowhere'"),
        ("os.nowhere:x", r"there is no module 'os\.nowhere'"),
        ("os:nothing", "module 'os' has no function 'nothing'"),
        ("os:path.nothing", r"module 'os' has no function 'path\.nothing'"),
        ("os:sep", "'sep' in module 'os' is not a function"),
    ],
)
def test_the_error_says_which_part_is_missing(call: str, reason: str, tmp_path: Path) -> None:
    """A missing module, a missing function and a thing that is none are told apart."""
    with pytest.raises(FunctionNotFound, match=reason):
        find_function(call, tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("needs_more", "import not_installed", "No module named 'not_installed'"),
        ("not_python", "def x(:", "SyntaxError: "),
        ("a_script", "raise SystemExit(0)", "SystemExit: 0"),
        ("raises_at_once", "1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_module_that_fails_says_why(name: str, text: str, reason: str, tmp_path: Path) -> None:
    """A module that is there but cannot be imported is not called missing."""
    (tmp_path / f"{name}.py").write_text(text)

    with pytest.raises(FunctionNotFound, match=f"module '{name}' cannot be imported: {reason}"):
        find_function(f"{name}:x", tmp_path)
