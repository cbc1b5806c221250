"""The projections there are: ours, those of installed packages, and those somebody names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from projections.errors import ProjectionInvalid
from projections.failures.failure_rows import FailureRows
from projections.projection import check_projections
from projections.registry import GROUP, load_projection, registered
from projections.runs.run_rows import RunRows
from projections.statistics.statistics_rows import StatisticsRows
from tests.projections.tally import Tally

ROOT = Path(__file__).parents[2]
TALLY = "tests.projections.tally:Tally"

LIST_THEM = """
from projections.errors import ProjectionInvalid
from projections.registry import registered
try:
    print(*[f"{one.name} {one.version}" for one in registered()], sep=", ")
except ProjectionInvalid as error:
    print(f"invalid: {error}")
"""


class Named(Tally):
    """A tally of any name and version."""

    def __init__(self, name: Any, version: Any = 1) -> None:
        """Take them, whatever they are."""
        self.name, self.version = name, version


class WithoutRows:
    """Not a projection."""

    name = "without_rows"
    version = 1


def reason_of(*projections: Named) -> str:
    """Have projections refused, and give the reason."""
    with pytest.raises(ProjectionInvalid) as caught:
        check_projections(projections)
    return f"{caught.value.name}: {caught.value.reason}"


def test_ours_is_there() -> None:
    """Without any other package there are the run summaries."""
    assert isinstance(registered()[0], RunRows)
    check_projections(registered())


@pytest.mark.parametrize("name", ["tally", "a", "cost_per_pipeline", "a1", "x" * 40])
def test_a_name_may_be_this(name: str) -> None:
    """Lower-case letters, digits and ``_``, from a letter on."""
    check_projections([RunRows(), Named(name)])


@pytest.mark.parametrize(
    "name",
    ["", "A", "1a", "_a", "a-b", "a.b", "a b", "ä", "a\n", "a;", "sqlite\x00", "x" * 41, None, 5],
)
def test_a_name_may_not_be_that(name: Any) -> None:
    """A name becomes that of tables, so nothing else gets through."""
    assert "a name is lower-case letters, digits and _" in reason_of(Named(name))


@pytest.mark.parametrize(
    ("first", "second"), [("tally", "tally"), ("runs", "runs_cost"), ("tally_cost", "tally")]
)
def test_no_projection_can_take_the_tables_of_another(first: str, second: str) -> None:
    """Neither by its name, nor by one that begins with another one and ``_``."""
    shorter = min(first, second, key=len)

    assert f"its tables could be those of {shorter}" in reason_of(Named(first), Named(second))


def test_names_that_only_look_alike_go_together() -> None:
    """What follows the shorter name is no ``_``."""
    check_projections([Named("run"), Named("runs"), Named("runs2"), Named("runner")])


@pytest.mark.parametrize("version", [0, -1, None, "1", 1.5])
def test_a_version_is_a_number_from_one_up(version: Any) -> None:
    """It is compared with the one that a model holds."""
    assert "its version is not a whole number from 1 up" in reason_of(Named("tally", version))


def test_a_projection_is_loaded_by_its_place() -> None:
    """The class is made, so that its defaults are its own."""
    assert isinstance(load_projection(TALLY), Tally)


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("", "name it as module:Class"),
        ("tests.projections.tally", "name it as module:Class"),
        (":Tally", "name it as module:Class"),
        ("tests.projections.tally:", "name it as module:Class"),
        ("no.such.module:Tally", "it cannot be loaded: No module named 'no'"),
        ("tests.projections.tally:Missing", "it cannot be loaded: module"),
        ("tests.projections.test_registry:WithoutRows", "it has no state_type, tables, indexes,"),
        ("tests.projections.test_registry:Named", "it cannot be loaded: "),
        ("..:x", "it cannot be loaded: "),
    ],
)
def test_a_place_without_a_projection_is_an_error(place: str, reason: str) -> None:
    """It names the place, and what to do or what is missing."""
    with pytest.raises(ProjectionInvalid) as caught:
        load_projection(place)

    assert caught.value.name == place
    assert caught.value.reason.startswith(reason)


def offer(site: Path, entry: str, code: str = "") -> None:
    """Install a package that offers projections, as pip leaves one."""
    info = site / "offered-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: offered\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{entry}\n")
    (site / "offered.py").write_text(code)


def listed_with(site: Path) -> str:
    """List the projections in a process that finds the package."""
    path = os.pathsep.join([str(site), str(ROOT)])
    ran = subprocess.run(
        [sys.executable, "-c", LIST_THEM],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
        cwd=site,
    )
    return ran.stdout.strip()


def test_an_installed_package_offers_a_projection(tmp_path: Path) -> None:
    """By its entry point alone, a class or an instance; ours comes first, the rest by name."""
    code = (
        f"from {TALLY.partition(':')[0]} import Tally\n"
        "class Zebra(Tally):\n    name = 'zebra'\n"
        "class Ape(Tally):\n    name = 'ape'\n    version = 7\n"
        "ape = Ape()\n"
    )
    offer(tmp_path, f"z = offered:Zebra\na = offered:ape\nt = {TALLY}", code)

    ours = ", ".join(
        f"{one.name} {one.version}" for one in (RunRows(), FailureRows(), StatisticsRows())
    )
    assert listed_with(tmp_path) == f"{ours}, ape 7, tally 1, zebra 1"


@pytest.mark.parametrize(
    ("entry", "code", "reason"),
    [
        ("a = no_such_module:A", "", "the entry point a cannot be loaded: No module named"),
        ("a = offered:A", "", "the entry point a cannot be loaded: module 'offered' has no"),
        ("a = offered:A", "A = 5", "it has no name, version, state_type, tables, indexes,"),
        ("a = offered:A", "import", "the entry point a cannot be loaded: invalid syntax"),
        ("a = offered:A", "1 / 0", "the entry point a cannot be loaded: division by zero"),
        ("a = offered:A", "def A(x): pass", "it has no name, version, state_type,"),
        (
            "a = offered:A",
            "class A:\n    def __init__(self, x): pass",
            "the entry point a cannot be loaded: ",
        ),
        (
            "a = offered:A",
            "from tests.projections.tally import Tally\nclass A(Tally):\n    name = 'runs_x'",
            "its tables could be those of runs",
        ),
    ],
)
def test_a_package_that_cannot_be_used_is_named(
    tmp_path: Path, entry: str, code: str, reason: str
) -> None:
    """Whatever is wrong with it, the error is ours, and says whose projection it is."""
    offer(tmp_path, entry, code)

    listed = listed_with(tmp_path)

    assert listed.startswith("invalid: the projection ")
    assert reason in listed
