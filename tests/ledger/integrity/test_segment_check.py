"""The fast check of one segment: it takes what was written, and nothing that was forged."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.integrity.segment_check import check_segment
from ledger.integrity.verify import verify
from tests.ledger.damaged_logs import make_log
from tests.ledger.forging import altered, leaves_of, put_lines, rechained
from tests.ledger.witness import raw_lines, segments_of

_CRC_WIDTH = len(b',"crc":"00000000"}')


def sealed(checked: bytes) -> bytes:
    """Give anything the CRC that it needs to look like a line."""
    return b'%b,"crc":"%08x"}' % (checked, zlib.crc32(checked))


def head(line: bytes) -> bytes:
    """Give what the CRC of a line covers."""
    return line[:-_CRC_WIDTH]


def prev_of(line: bytes) -> str:
    """Give what a line names as the one before it."""
    prev: str = json.loads(line)["prev"]
    return prev


def in_capitals(line: bytes) -> bytes:
    """Write the CRC of a line in capitals, where it has a letter: most have."""
    return line[:-10] + (line[-10:].upper() if line[-10:].upper() != line[-10:] else b'-0000000"}')


FORGED: dict[str, Callable[[bytes], bytes]] = {
    "it names no line": lambda line: altered(line, prev=""),
    "it names more than a line": lambda line: altered(line, prev=prev_of(line) + " "),
    "it names it in capitals": lambda line: altered(line, prev=prev_of(line).upper()),
    "a sequence below 0": lambda line: altered(line, run_id="new", sequence=-1),
    "a sequence beyond 64 bits": lambda line: altered(line, run_id="new", sequence=1 << 64),
    "a position beyond 64 bits": lambda line: altered(line, position=1 << 64),
    "an unknown key": lambda line: altered(line, more=1),
    "a value of another type": lambda line: altered(line, schema_version="1"),
    "an object without its end": lambda line: sealed(head(line)[:-1]),
    "a second object": lambda line: sealed(head(line) + b"} {"),
    "bytes that are no text": lambda line: sealed(
        line[: line.index(b"anna")] + b"\xff\xfe" + b'"}'
    ),
    "a CRC in capitals": in_capitals,
    "a space before the CRC": lambda line: sealed(head(line)).replace(b',"crc"', b', "crc"'),
    "a space in the payload": lambda line: sealed(head(line).replace(b'"data":{', b'"data":{ ')),
    "a tab in the payload": lambda line: sealed(head(line)[:-1] + b"\t}"),
    "a line end of another system": lambda line: line + b"\r",
    "a line too long": lambda line: altered(line, data={"x": "x" * 65_535}),
}


@pytest.mark.parametrize("forgery", FORGED.values(), ids=FORGED)
def test_no_forged_line_passes(tmp_path: Path, forgery: Callable[[bytes], bytes]) -> None:
    """Whatever a line says that the format does not allow, its CRC made right, is noticed."""
    folder = make_log(tmp_path / "log")
    *lines, last = raw_lines(folder)
    put_lines(folder, [*lines, altered(last)])
    stop = segments_of(folder)[0].stat().st_size
    facts = check_segment(folder, 1, stop)
    assert facts is not None
    assert (facts.last, facts.stop) == (len(lines) + 1, stop)
    assert facts.leaf == leaves_of(folder)[-1].hex()

    put_lines(folder, [*lines, forgery(last)])

    assert forgery(last) != last
    assert check_segment(folder, 1, segments_of(folder)[0].stat().st_size) is None


def test_names_that_run_into_each_other_do_not_pass(tmp_path: Path) -> None:
    """Two neighbours whose names of the lines before them only fit when put together are wrong."""
    folder = make_log(tmp_path / "log")
    *lines, one, other = raw_lines(folder)
    one = altered(one, prev=prev_of(one)[:-1])
    other = altered(other, prev=prev_of(one)[-1] + leaves_of(folder)[-2].hex())
    put_lines(folder, [*lines, one, other])

    assert check_segment(folder, 1, segments_of(folder)[0].stat().st_size) is None


def test_a_segment_that_names_no_line_is_noticed(tmp_path: Path) -> None:
    """The first line of a later segment must name the line before it, though that is elsewhere."""
    folder = make_log(tmp_path / "log")
    *_, path = segments_of(folder)
    first, *others = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([altered(first, prev=""), *others]) + b"\n")

    assert check_segment(folder, int(path.stem), path.stat().st_size) is None
    assert not verify(folder).sound


@pytest.mark.parametrize("text", ["plain", "naïve 🙂 text"])
def test_lines_of_any_length_and_script_pass(tmp_path: Path, text: str) -> None:
    """Lines that lie across the pieces in which a segment is read are checked like others."""
    folder = make_log(tmp_path / "log", runs=2)
    lines = raw_lines(folder)
    filled = [
        altered(lines[-1], data={"fingerprint": "f", "note": text * (number * 97 % 1500)})
        for number in range(60)
    ]
    put_lines(folder, rechained([*lines, *filled]))

    facts = check_segment(folder, 1, segments_of(folder)[0].stat().st_size)

    assert facts is not None
    assert facts.last == len(lines) + 60
