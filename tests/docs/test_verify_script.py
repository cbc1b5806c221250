"""The stranger's verifier in docs/: says yes to the real thing, and no to every damage."""

from __future__ import annotations

import ast
import importlib.util
import io
import shutil
import subprocess
import sys
import tokenize
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger import EventLog, LogReader
from ledger.evidence.signed_note import SigningKey
from ledger.evidence.tree_head import TreeHead, origin_of
from ledger.evidence.tree_head_signing import sign_tree_head
from tests.ledger.damage import flip
from tests.ledger.evidence.whole_tree import root_of
from tests.ledger.examples import acknowledgement, one_run
from tests.ledger.forging import LONG_AGO, altered, forge, leaves_of, put_lines, rechained
from tests.ledger.witness import raw_lines, segments_of

SCRIPT = Path(__file__).parents[2] / "docs" / "verify.py"


def load() -> Callable[..., None]:
    """Load the script, which imports nothing of ours."""
    spec = importlib.util.spec_from_file_location("verify_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    main: Callable[..., None] = module.main
    return main


MAIN = load()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a log of several segments with batches, once; tests copy it."""
    folder = tmp_path_factory.mktemp("log") / "log"
    with EventLog.open(folder, segment_bytes=5_000) as log:
        for number in range(6):
            log.append_batch(one_run(f"run-{number}"))
            log.append(acknowledgement())
    assert len(segments_of(folder)) > 2
    return folder


@pytest.fixture(scope="module")
def key(made: Path) -> SigningKey:
    """Make the key of the log."""
    return SigningKey.generate(origin_of(LogReader(made).identity))


@pytest.fixture(scope="module")
def head(made: Path, key: SigningKey) -> TreeHead:
    """Sign the log, once."""
    return sign_tree_head(LogReader(made), key)


@pytest.fixture
def folder(made: Path, head: TreeHead, tmp_path: Path) -> Path:
    """Copy the log, and keep its head beside it."""
    copy = Path(shutil.copytree(made, tmp_path / "log"))
    (tmp_path / "head").write_bytes(head.encode())
    return copy


def is_right(folder: Path, key: SigningKey | None = None, *, with_head: bool = True) -> bool:
    """Ask the script."""
    head = [str(folder.with_name("head"))] if with_head else []
    try:
        MAIN(str(folder), *head, *([str(key.verifier_key)] if key else []))
    except SystemExit:
        return False
    except Exception:  # noqa: BLE001 - the script says no then, see its end
        return False
    return True


def run_script(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the script as a stranger would."""
    return subprocess.run(
        [sys.executable, "-I", SCRIPT, *map(str, arguments)],
        capture_output=True,
        check=False,
        text=True,
    )


def code_lines(text: str) -> int:
    """Count the lines of a program that are not empty, comment or docstring."""
    none = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in none | {tokenize.ENDMARKER}:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.FunctionDef) and ast.get_docstring(node):
            lines -= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return len(lines)


def test_it_is_as_short_as_the_documents_say() -> None:
    """Whoever is asked to trust nothing has forty lines of code to read, and no more."""
    assert code_lines('"""Text."""\n\n# Why.\nprint(\n    1\n)\n') == 3

    assert code_lines(SCRIPT.read_text(encoding="utf-8")) <= 40


def test_the_real_thing_is_right(folder: Path, key: SigningKey) -> None:
    """A whole log passes by itself, against its head, and against the signature."""
    done = run_script(folder, folder.with_name("head"), key.verifier_key)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"RIGHT: {len(raw_lines(folder))} lines, key right\n")
    assert is_right(folder)
    assert is_right(folder, with_head=False)


def test_the_root_is_ours(folder: Path) -> None:
    """The script and the ledger come to the same tree head, without one that was kept."""
    done = run_script(folder)

    leaves = leaves_of(folder)
    head = TreeHead(origin_of(LogReader(folder).identity), len(leaves), root_of(leaves))
    assert head.text in done.stdout
    assert "key not given" in done.stdout


def test_a_log_that_went_on_extends_its_head(folder: Path, key: SigningKey) -> None:
    """Lines after the head change nothing; lines above the mark do not count."""
    with EventLog.open(folder) as log:
        log.append_batch(one_run("later"))
    with segments_of(folder)[-1].open("ab") as file:
        file.write(b'{"torn')

    assert is_right(folder, key)


def test_a_copy_without_its_lock_is_right(folder: Path, key: SigningKey) -> None:
    """The segments alone are enough."""
    for name in ("lock", "ledger.json", "tree", "tree-head"):
        (folder / name).unlink(missing_ok=True)

    assert is_right(folder, key)


def test_each_flipped_bit_of_a_segment_is_noticed(folder: Path) -> None:
    """No byte of the log can change, whatever its place; every fourth is tried."""
    for path in segments_of(folder):
        for offset in range(0, path.stat().st_size, 4):
            flip(path, offset)
            assert not is_right(folder)
            flip(path, offset)
    assert is_right(folder)


def lines_put(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[Path], None]:
    """Damage a log by changing its lines."""
    return lambda folder: put_lines(folder, change(raw_lines(folder)))


def _cut_tail(folder: Path) -> None:
    path = segments_of(folder)[-1]
    path.write_bytes(path.read_bytes()[:-1])


def _cut_middle(folder: Path) -> None:
    path = segments_of(folder)[0]
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


def _rename(folder: Path) -> None:
    path = segments_of(folder)[1]
    path.rename(path.with_name(f"{2:020d}.jsonl"))


def _double(folder: Path) -> None:
    first, second = segments_of(folder)[:2]
    shutil.copy(first, second)


def _carriage_returns(folder: Path) -> None:
    path = segments_of(folder)[0]
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


def _empty(folder: Path) -> None:
    for path in segments_of(folder):
        path.write_bytes(b"")


DAMAGES: dict[str, Callable[[Path], None]] = {
    "the last newline cut": _cut_tail,
    "the last line of a segment cut": _cut_middle,
    "a segment missing": lambda folder: segments_of(folder)[1].unlink(),
    "the last segment missing": lambda folder: segments_of(folder)[-1].unlink(),
    "a segment renamed": _rename,
    "a segment doubled": _double,
    "all segments empty": _empty,
    "no folder": shutil.rmtree,
    "line ends of another system": _carriage_returns,
    "a line deleted": lines_put(lambda lines: lines[:9] + lines[10:]),
    "a line doubled": lines_put(lambda lines: lines[:10] + lines[9:]),
    "lines swapped": lines_put(lambda lines: [*lines[:6], lines[7], lines[6], *lines[8:]]),
    "a line altered": lines_put(
        lambda lines: [*lines[:9], altered(lines[9], occurred_at=LONG_AGO), *lines[10:]]
    ),
    "half a batch": lines_put(lambda lines: lines[:3]),
    "a rest that is wrong": lines_put(lambda lines: [*lines[:-1], altered(lines[-1], rest=1)]),
    "a sequence that is wrong": lines_put(
        lambda lines: [*lines[:-2], altered(lines[-2], sequence=9), *lines[-1:]]
    ),
    "a line too long": lines_put(
        lambda lines: [*lines[:-1], altered(lines[-1], data={"x": "x" * 70_000})]
    ),
    "a line that is no object": lines_put(lambda lines: [b'[1,"crc":"00000000"}', *lines[1:]]),
    "a forged chain": lambda folder: forge(folder, 9),
    "a forged first line": lambda folder: forge(folder, 1),
    "a forged last line": lambda folder: forge(folder, len(raw_lines(folder))),
    "a forged chain without a line": lines_put(
        lambda lines: rechained(lines[:26] + lines[27:] + lines[-1:])
    ),
    "a rollback": lines_put(lambda lines: lines[:-1]),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_every_damage_is_noticed(folder: Path, damage: Callable[[Path], None]) -> None:
    """Each way to spoil a log that was signed is answered by no, with an exit code of 1."""
    damage(folder)

    assert not is_right(folder)
    done = run_script(folder, folder.with_name("head"))
    assert done.returncode == 1
    assert done.stderr.startswith("WRONG")


@pytest.mark.parametrize("arguments", [(), ("a", "b", "c", "d")], ids=["none", "too many"])
def test_it_says_what_it_is_to_be_called_with(arguments: tuple[str, ...]) -> None:
    """Called otherwise it shows its own first lines."""
    done = run_script(*arguments)

    assert done.returncode == 1
    assert "verify.py FOLDER [TREE_HEAD [VERIFIER_KEY]]" in done.stderr
    assert "Traceback" not in done.stderr


def test_arguments_that_are_no_files_are_named(folder: Path) -> None:
    """A head that is not there, one that is none, and a key that is none end in one line."""
    scribble = folder.with_name("scribble")
    scribble.write_text("no head\nat all\n")
    for arguments in (["nowhere"], [scribble], [folder.with_name("head"), "no key"]):
        done = run_script(folder, *arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("WRONG: ")
        assert done.stderr.count("\n") == 1


def test_a_wrong_head_or_key_is_noticed(folder: Path, head: TreeHead, key: SigningKey) -> None:
    """A head of another log, of another root, of another key, or changed under its signature."""
    other = SigningKey.generate(key.name)
    kept = folder.with_name("head")
    heads = [
        TreeHead("runfold/other", head.size, head.root).sign(SigningKey.generate("runfold/other")),
        TreeHead(head.origin, head.size, b"x" * 32).sign(key),
        TreeHead(head.origin, head.size + 1, head.root).sign(key),
        TreeHead(head.origin, head.size, head.root).sign(other),
        TreeHead(head.origin, head.size, head.root),
        TreeHead(head.origin, head.size, head.root, ("more",), head.signatures),
    ]
    for wrong in heads:
        kept.write_bytes(wrong.encode())
        assert not is_right(folder, key)
    kept.write_bytes(head.encode())
    assert is_right(folder, key)
    assert not is_right(folder, other)
    assert not is_right(folder, SigningKey.generate("runfold/other"))
