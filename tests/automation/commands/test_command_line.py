"""The command line as a whole: mistakes are one clear line, and each has its exit code."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from automation.commands import main
from automation.commands.command_line import COMMANDS
from tests.automation.commands.processes import runfold

ROOT = Path(__file__).parents[3]
PIPELINE = '[[stage]]\nname = "a"\nrun = "true"\n'


def said(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Run the command line in this process; nothing may appear on stdout."""
    code = main(arguments)
    captured = capfd.readouterr()
    assert captured.out == ""
    return code, captured.err


@pytest.fixture
def _here(tmp_path: Path) -> Iterator[None]:
    """Work in a new folder."""
    with contextlib.chdir(tmp_path):
        _write_files()
        yield


def _write_files() -> None:
    Path("good.toml").write_text(PIPELINE)
    Path("wrong.toml").write_text(PIPELINE + "retires = 1\n")
    Path("both.toml").write_text(PIPELINE + 'call = "os:getcwd"\n')
    Path("nowhere.toml").write_text('[[stage]]\nname = "a"\ncall = "os:nowhere"\n')
    Path("empty").mkdir()
    Path("file").write_text("mine")


@pytest.mark.usefixtures("_here")
@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        ("run nope", 2, "there is no pipeline 'nope': name a TOML file, or one of: market-data"),
        ("run no.toml", 2, "no.toml: file: there is none"),
        ("run wrong.toml", 2, "wrong.toml: stage a: retires: unknown key; did you mean retries?"),
        ("run both.toml", 2, "both.toml: stage a: call and run are both there"),
        ("run nowhere.toml", 2, "nowhere.toml: stage a: call: module 'os' has no function 'now"),
        ("run", 2, "Missing argument"),
        ("run good.toml --bogus", 2, "No such option: --bogus"),
        ("run good.toml --param x", 2, "--param: 'x' is not name=value"),
        ("run market-data --param inptu=x", 2, "parameter inptu: pipeline market-data has none;"),
        ("run good.toml --run-id a/b", 2, "run id: 'a/b' is not one"),
        ("run good.toml --run-id ..", 2, "run id: '..' is not one"),
        ("run good.toml --run-id .", 2, "run id: '.' is not one"),
        ("run good.toml --run-id a\x1b[2J", 2, r"run id: 'a\x1b[2J' is not one"),
        ("show x --dir a\x1b[2J", 3, r"no ledger in {here}/a\x1b[2J"),
        ("run good.toml --dir file", 1, "cannot write the ledger in "),
        ("runs --dir missing", 3, "no ledger in {here}/missing"),
        ("runs --dir empty", 3, "no ledger in {here}/empty"),
        ("runs --dir file", 3, "no ledger in {here}/file"),
        ("runs --limit 0", 2, "Invalid value for '--limit': '0' is too small: 1 is the least ("),
        ("runs --limit x", 2, "Invalid value for '--limit': 'x' is not a whole number ("),
        ("runs --sort slowest", 2, "Invalid value for '--sort': 'slowest' is not one of 'newest',"),
        ("show x --dir missing", 3, "no ledger in {here}/missing"),
        ("replay --dir missing", 3, "no ledger in {here}/missing"),
        ("replay --after -1", 2, "--after: '-1' is neither a position"),
        ("serve --dir missing", 3, "no ledger in {here}/missing"),
        ("serve --port 70000", 2, "Invalid value for '--port': '70000' is too large: 65535 is"),
        ("rusn", 2, "No such command 'rusn'. Did you mean"),
        ("--bogus", 2, "No such option: --bogus"),
    ],
)
def test_a_mistake_is_one_clear_line(
    arguments: str, code: int, line: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """It names what is wrong, exits as the design says, and creates nothing."""
    before = sorted(Path().rglob("*"))

    exited, told = said(capfd, *arguments.split(" "))

    assert (exited, told.count("\n")) == (code, 1)
    assert told.startswith("runfold: " + line.format(here=Path.cwd()))
    assert sorted(Path().rglob("*")) == before


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ("runs --limit", "runfold runs"),
        ("token create --scope all", "runfold token create"),
        ("token crete", "runfold token"),
        ("rusn", "runfold"),
    ],
)
def test_a_mistake_names_the_help_of_its_command(
    words: str, command: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """So the next thing to type is told, however deep the command is."""
    assert said(capfd, *words.split())[1].endswith(f" ({command} --help lists what there is)\n")


@pytest.mark.usefixtures("_here")
def test_a_run_id_that_is_taken_is_a_mistake(capfd: pytest.CaptureFixture[str]) -> None:
    """A run is recorded once; the second try is refused, and says where the first stands."""
    assert main(["run", "good.toml", "--run-id", "r", "--dir", "runs"]) == 0
    capfd.readouterr()

    code, told = said(capfd, "run", "good.toml", "--run-id", "r", "--dir", "runs")

    assert code == 2
    assert told == "runfold: run r is in the log already, at sequence 4\n"


@pytest.mark.usefixtures("_here")
def test_a_damaged_log_has_its_own_code(capfd: pytest.CaptureFixture[str]) -> None:
    """Wrong bytes below the mark are told with their place, by reading and by writing commands."""
    assert main(["run", "good.toml", "--dir", "runs"]) == 0
    (segment,) = Path("runs/events").iterdir()
    data = bytearray(segment.read_bytes())
    data[-40] ^= 1
    segment.write_bytes(data)
    for model in Path("runs/read-models").iterdir():
        model.unlink()
    capfd.readouterr()

    for arguments in (("run", "good.toml"), ("runs",), ("replay",)):
        code = main([*arguments, "--dir", "runs"])
        told = capfd.readouterr().err
        assert code == 4
        assert "position 5" in told
        assert told.startswith(("runfold: the log is damaged", "runfold: out of reach"))


@pytest.mark.parametrize(
    ("environment", "arguments", "folder"),
    [
        ({}, (), "automation/logs/runs"),
        ({"RUNFOLD_DIR": ""}, (), "automation/logs/runs"),
        ({"RUNFOLD_DIR": "from-environment"}, (), "from-environment"),
        ({"RUNFOLD_DIR": "from-environment"}, ("--dir", "given"), "given"),
    ],
)
def test_the_folder_may_come_from_the_environment(
    tmp_path: Path, environment: dict[str, str], arguments: tuple[str, ...], folder: str
) -> None:
    """--dir comes first, then RUNFOLD_DIR, then the default."""
    done = runfold("runs", *arguments, cwd=tmp_path, **environment)

    assert done.returncode == 3
    assert done.stderr.startswith(f"runfold: no ledger in {tmp_path / folder}: ")
    assert list(tmp_path.iterdir()) == []


def test_without_a_command_there_is_help(capfd: pytest.CaptureFixture[str]) -> None:
    """Help lists all commands; without a command it is a mistake, and goes to stderr."""
    code, told = said(capfd)
    assert code == 2
    assert main(["--help"]) == 0
    helped = capfd.readouterr()

    assert helped.err == ""
    for name in (*COMMANDS, "exec"):
        assert f" {name} " in helped.out
        assert f" {name} " in told


def test_every_command_can_explain_itself(capfd: pytest.CaptureFixture[str]) -> None:
    """Each command is imported by its name, and has a help of its own."""
    for name in COMMANDS:
        assert main([name, "--help"]) == 0
        assert f"runfold {name} " in capfd.readouterr().out


def test_one_command_needs_none_of_the_others() -> None:
    """Whoever asks for one command does not wait until all the others are imported."""
    program = (
        "import sys; from automation.commands import main; main(['key', '--help']);"
        " sys.exit('automation.commands.run_command' in sys.modules)"
    )

    subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True)


def test_the_version_is_told(tmp_path: Path) -> None:
    """The module and the script are the same command."""
    module = subprocess.run(
        [sys.executable, "-m", "automation.commands", "--version"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert module.stdout == runfold("--version", cwd=tmp_path).stdout
    assert module.stdout.startswith("runfold ")


def test_a_missing_extra_is_named(tmp_path: Path) -> None:
    """Where the command line's packages are not installed, the error says what brings them."""
    program = (
        "import sys; sys.modules['typer'] = None;"
        " from automation.commands import main; sys.exit(main(['runs']))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert done.stderr == (
        "runfold: the package typer is not installed; this brings it: pip install 'runfold[run]'\n"
    )
