"""What is read from the tracebacks that different versions of Python print."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from projections.failures.fingerprint import fingerprint_of
from projections.failures.raised import Frame, Raised, read_traceback

GOLDEN = Path(__file__).parents[2] / "golden" / "tracebacks"
VERSIONS = ("python3.11", "python3.12", "python3.13")
WAYS = (
    "plain",
    "in_library",
    "in_comprehension",
    "caused",
    "while_handling",
    "recursive",
    "grouped",
)


def printed(version: str) -> Mapping[str, str]:
    """Give the tracebacks that a version printed, by the name of what failed."""
    parts = (GOLDEN / f"{version}.txt").read_text().split("=== ")[1:]
    return {name: text for name, _, text in (part.partition("\n") for part in parts)}


def places(one: Raised) -> list[str]:
    """Give the frames as short texts, the innermost first."""
    return [f"{frame.file} {frame.function}" for frame in one.frames]


@pytest.mark.parametrize("name", WAYS)
def test_all_versions_are_read_alike(name: str) -> None:
    """Lines of source, carets and frames of comprehensions make no difference."""
    texts = [printed(version)[name] for version in VERSIONS]

    assert len(set(texts)) > 1
    first, *others = [read_traceback(text) for text in texts]
    assert [first, first] == others
    assert len({fingerprint_of("load", "E", "m", text) for text in texts}) == 1


def test_the_ways_are_told_apart() -> None:
    """Each way to fail has a fingerprint of its own."""
    found = {fingerprint_of("load", "E", "m", text) for text in printed("python3.13").values()}

    assert len(found) == len(WAYS) == len(printed("python3.13"))


def test_frames_come_from_the_inside_out() -> None:
    """A file of one's own has no folders; one of a library is told from its root."""
    (one,) = read_traceback(printed("python3.12")["in_library"])

    assert one.line == "json.decoder.JSONDecodeError: Expecting value: line 1 column 12 (char 11)"
    assert places(one) == [
        "json/decoder.py raw_decode",
        "json/decoder.py decode",
        "json/__init__.py loads",
        "raise_them.py in_library",
        "raise_them.py main",
    ]
    assert [frame.is_own for frame in one.frames] == [False, False, False, True, True]


def test_the_first_cause_comes_first() -> None:
    """Each error of a chain has its own frames, whether it was meant as the cause or not."""
    chain = read_traceback(printed("python3.13")["caused"])
    handled = read_traceback(printed("python3.13")["while_handling"])

    assert [one.line.partition(":")[0] for one in chain] == [
        "json.decoder.JSONDecodeError",
        "RuntimeError",
    ]
    assert places(chain[1]) == ["raise_them.py caused", "raise_them.py main"]
    assert [one.line.partition(":")[0] for one in handled] == [
        "ZeroDivisionError",
        "AttributeError",
    ]


def test_a_recursion_is_one_frame() -> None:
    """However deep it went."""
    (one,) = read_traceback(printed("python3.11")["recursive"])

    assert places(one) == ["raise_them.py deep", "raise_them.py recursive", "raise_them.py main"]


def test_a_group_has_members() -> None:
    """The group itself comes first, then each error in it."""
    group = read_traceback(printed("python3.11")["grouped"])

    assert [(one.line.partition(":")[0], one.is_member) for one in group] == [
        ("ExceptionGroup", True),
        ("ZeroDivisionError", True),
        ("json.decoder.JSONDecodeError", True),
    ]
    assert places(group[1])[0] == "raise_them.py divided"


FILES = {
    "/srv/app/orders/load.py": Frame("load.py", "f", is_own=True),
    "load.py": Frame("load.py", "f", is_own=True),
    r"C:\app\load.py": Frame("load.py", "f", is_own=True),
    "/venv/lib/python3.11/site-packages/httpx2/_client.py": Frame(
        "httpx2/_client.py", "f", is_own=False
    ),
    "/usr/lib/python3/dist-packages/apt/cache.py": Frame("apt/cache.py", "f", is_own=False),
    r"C:\venv\Lib\site-packages\a\b.py": Frame("a/b.py", "f", is_own=False),
    "/usr/lib/python3.13/json/decoder.py": Frame("json/decoder.py", "f", is_own=False),
    "/opt/lib64/python3.12/socket.py": Frame("socket.py", "f", is_own=False),
    "/opt/lib/python3.13t/socket.py": Frame("socket.py", "f", is_own=False),
    "<frozen importlib._bootstrap>": Frame("<frozen importlib._bootstrap>", "f", is_own=False),
    "<string>": Frame("<string>", "f", is_own=True),
    "<ipython-input-17>": Frame("<ipython-input-#>", "f", is_own=True),
}


@pytest.mark.parametrize("path", FILES)
def test_files_are_told_without_their_place(path: str) -> None:
    """Where a program or a library is installed makes no difference."""
    text = f'Traceback (most recent call last):\n  File "{path}", line 3, in f\nValueError\n'

    (one,) = read_traceback(text)

    assert one.frames == (FILES[path],)


@pytest.mark.parametrize("text", ["", "\n", "no traceback", "Traceback (most recent call last):"])
def test_what_is_no_traceback_has_no_frames(text: str) -> None:
    """Text of another kind is no mistake."""
    assert all(one.frames == () for one in read_traceback(text))
