"""The shape of the code: which way imports run, and what names may say."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = {
    "ledger": set(),
    "projections": {"ledger"},
    "automation": {"ledger", "projections"},
    "web": {"ledger", "projections"},
    "app": {"ledger", "projections", "automation", "web"},
}
OURS = frozenset(LAYERS)

LEDGER_NEEDS = frozenset({"pydantic", "pydantic_core", "msgspec"})
SIGNING = frozenset({"cryptography"})
VAGUE = frozenset({"utils", "util", "helpers", "helper", "common", "base", "misc", "manager"})


def modules() -> list[Path]:
    """Give every module of the project, relative to its root."""
    found = [ROOT / "app.py"]
    for package in sorted(OURS - {"app"}):
        found += sorted((ROOT / package).rglob("*.py"))
    return [path.relative_to(ROOT) for path in found if "logs" not in path.parts]


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Yield the top-level name of each import in a file, and whether it is inside a function."""
    tree = ast.parse((ROOT / path).read_text())
    at_top = {id(node) for node in tree.body}
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            names = [node.module or ""]
        for name in names:
            yield name.split(".")[0], id(node) not in at_top


def layer_of(path: Path) -> str:
    """Name the layer that a module belongs to."""
    return path.parts[0].removesuffix(".py")


def test_imports_run_one_way() -> None:
    """A module imports its own layer and those below, also inside functions."""
    wrong = {
        (str(path), name)
        for path in modules()
        for name, _ in imports(path)
        if name in OURS and name not in LAYERS[layer_of(path)] | {layer_of(path)}
    }
    assert wrong == set()


def test_the_ledger_needs_little() -> None:
    """The standard library, pydantic and a codec; cryptography only inside functions that sign."""
    for path in modules():
        for name, inside in imports(path) if layer_of(path) == "ledger" else ():
            light = name in sys.stdlib_module_names or name in LEDGER_NEEDS or name == "ledger"
            assert light or (name in SIGNING and inside), f"{path} imports {name}"


def test_importing_the_ledger_drags_in_no_server() -> None:
    """What a pipeline imports to record itself stays light, all the way down."""
    banned = {
        "starlette",
        "uvicorn",
        "typer",
        "rich",
        "jinja2",
        "watchfiles",
        "cryptography",
        "duckdb",
    }
    script = (
        "import sys; from ledger import EventLog, RunContext; from projections import RunHistory;"
        " print(*sys.modules)"
    )

    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()
    assert not banned & set(loaded)


def test_recording_a_run_makes_no_models() -> None:
    """Here or elsewhere: pydantic alone would take longer than many a run that is recorded."""
    script = (
        "import sys, ledger.remote.remote_log; from ledger import EventLog, LogReader, RunContext;"
        " print(*sys.modules)"
    )

    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()
    assert not {"pydantic", "ledger.events"} & set(loaded)


def test_names_say_something() -> None:
    """No module is called utils or manager; a newcomer finds the room by its name."""
    assert [path for path in modules() if path.stem.strip("_") in VAGUE] == []


@pytest.mark.parametrize("package", sorted(OURS - {"app"}))
def test_what_a_module_promises_is_there(package: str) -> None:
    """Each name in ``__all__`` exists, stands there once, and in order."""
    for module in pkgutil.walk_packages([str(ROOT / package)], f"{package}."):
        if module.name.endswith("__main__"):
            continue
        found = importlib.import_module(module.name)
        promised = getattr(found, "__all__", [])
        assert len(set(promised)) == len(promised)
        assert all(hasattr(found, name) for name in promised), module.name


def test_files_are_about_one_thing() -> None:
    """No file grows beyond 400 lines."""
    lines = {str(path): len((ROOT / path).read_text().splitlines()) for path in modules()}
    assert {path: count for path, count in lines.items() if count > 400} == {}


def test_folders_can_be_looked_through() -> None:
    """No folder holds more than 40 modules."""
    counts = Counter(str(path.parent) for path in modules())
    assert {folder: count for folder, count in counts.items() if count > 40} == {}


def test_the_map_of_folders_is_whole() -> None:
    """CONTRIBUTING says of each folder of modules what it is about, and of no other."""
    written = re.findall(
        r"^\| `([a-z_/]+)/` \|", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE
    )

    folders = {str(path.parent) for path in modules() if path.name == "__init__.py"}
    assert set(written) == {folder for folder in folders if "pipelines/" not in folder}
