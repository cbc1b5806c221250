"""The guide builds a projection in 30 lines, and all of it works, from a package of its own."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ledger import EventLog, LogReader, RunContext
from projections import RunHistory
from projections.engine.candidate import rebuild
from projections.engine.projector import Projector
from projections.errors import ProjectionMissing
from projections.testing import LAWS

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "projections.md").read_text()
PACKAGE = Path(__file__).parent / "cost_package"
TEST_OF_GUIDE = re.search(r"```python\n# test_costs\.py\n(.*?)```", GUIDE, re.DOTALL)

COSTS = """
import json, sqlite3, sys
from contextlib import closing
from pathlib import Path
from projections import RunHistory

folder = Path(sys.argv[1])
with RunHistory(folder) as history:
    history.catch_up()
    runs = history.get_run_count()
models = folder / "read-models"
model = models / (models / "current").read_text().strip()
with closing(sqlite3.connect(f"{model.absolute().as_uri()}?mode=ro", uri=True)) as connection:
    tables = [name for name, in connection.execute("SELECT name FROM sqlite_master")]
    costs = []
    if "costs_per_pipeline" in tables:
        costs = connection.execute("SELECT * FROM costs_per_pipeline").fetchall()
print(json.dumps({"runs": runs, "model": model.name, "costs": costs}))
"""

TEST = "import test_costs; test_costs.test_the_costs_keep_the_contract()"


def record(folder: Path, pipeline: str, *costs: float) -> None:
    """Record a run whose stages cost so much."""
    with EventLog.open(folder) as log, RunContext.start(log, pipeline=pipeline) as run:
        for number, cost in enumerate(costs):
            with run.stage(f"stage-{number}") as stage:
                stage.metric("cost", cost)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the package of the guide, and install it into a folder of its own."""
    source = tmp_path_factory.mktemp("source") / "costs"
    shutil.copytree(PACKAGE, source, ignore=shutil.ignore_patterns("__pycache__"))
    target = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    alone = ["--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, *alone, "--target", str(target), str(source)], check=True)
    return target


def run(program: str, *words: object, packages: Path | None = None) -> str:
    """Run a program in a process of its own, with packages beside those of this one."""
    path = os.pathsep.join(str(place) for place in (packages, ROOT) if place)
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_projection_of_a_package_is_built_and_follows(installed: Path, tmp_path: Path) -> None:
    """Installing it is all: the model is built anew with it, and each run that ends shows in it."""
    folder = tmp_path / "runs"
    record(folder, "nightly", 1.5, 2)
    record(folder, "train", 10)
    before = json.loads(run(COSTS, folder))

    added = json.loads(run(COSTS, folder, packages=installed))
    record(folder, "nightly", 0.25)
    followed = json.loads(run(COSTS, folder, packages=installed))

    assert (before["runs"], before["costs"]) == (2, [])
    assert added["costs"] == [["nightly", 1, 3.5], ["train", 1, 10.0]]
    assert added["model"] > before["model"]
    assert followed["costs"] == [["nightly", 2, 3.75], ["train", 1, 10.0]]
    assert followed["model"] == added["model"]


def test_a_package_that_is_gone_is_asked_for(installed: Path, tmp_path: Path) -> None:
    """What somebody keeps is not dropped in silence: it is said, and a rebuild drops it."""
    folder = tmp_path / "runs"
    record(folder, "nightly", 1.5)
    run(COSTS, folder, packages=installed)
    record(folder, "nightly", 2)

    with pytest.raises(ProjectionMissing) as refused, RunHistory(folder) as history:
        history.catch_up()

    assert "the projection costs 1, which is not installed here" in str(refused.value)
    assert "install its package, or build a model without it: runfold rebuild" in str(refused.value)
    reader = LogReader(folder)
    rebuild(reader, Projector(reader))
    with RunHistory(folder) as history:
        assert history.get_run_count() == 2


def test_the_test_of_the_guide_passes(installed: Path, tmp_path: Path) -> None:
    """An author who copies it has a test, whatever calls it: the costs keep the contract."""
    assert TEST_OF_GUIDE is not None
    (tmp_path / "test_costs.py").write_text(TEST_OF_GUIDE[1])

    run(f"import sys; sys.path.insert(0, sys.argv[1]); {TEST}", tmp_path, packages=installed)


def test_the_guide_shows_the_package_as_it_is() -> None:
    """What is read is what was tested, to the byte."""
    assert f"```python\n{(PACKAGE / 'runfold_costs.py').read_text()}```" in GUIDE
    assert f"```toml\n{(PACKAGE / 'pyproject.toml').read_text()}```" in GUIDE


def test_the_projection_of_the_guide_has_thirty_lines_of_code() -> None:
    """Blank lines and docstrings aside."""
    text = (PACKAGE / "runfold_costs.py").read_text()
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docstrings = {
        line
        for node in ast.walk(ast.parse(text))
        if isinstance(node, documented) and ast.get_docstring(node) is not None
        for line in range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)
    }

    code = [
        line
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and number not in docstrings
    ]

    assert len(code) <= 30


def test_the_guide_names_every_law() -> None:
    """A law that is added is explained."""
    sentences = GUIDE.replace("`", "")

    for law, holds in LAWS.items():
        assert f"| {law} | {holds} |" in sentences
