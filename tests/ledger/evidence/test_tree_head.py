"""Tree heads: what is signed, what is never signed, and what an earlier one catches."""

from __future__ import annotations

import base64
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import LogReader
from ledger.disk.folder import LedgerFolder
from ledger.errors import (
    BadEvidence,
    LedgerReplaced,
    LedgerUnwritable,
    NotProven,
)
from ledger.evidence.extension import check_extends
from ledger.evidence.merkle import verify_consistency
from ledger.evidence.signed_note import MAX_NOTE, SigningKey
from ledger.evidence.tree_head import TreeHead, current_tree_head, origin_of, stored_tree_head
from ledger.evidence.tree_head_signing import sign_tree_head
from tests.ledger.damage import flip, lose_lock, set_mark
from tests.ledger.evidence.whole_tree import root_of
from tests.ledger.forging import forge, leaves_of, short_log
from tests.ledger.witness import raw_lines

# The example of the specification C2SP tlog-checkpoint.
SPEC_HEAD = (
    "example.com/behind-the-sofa\n"
    "20852163\n"
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    "\n"
    "\N{EM DASH} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7"
    "u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
).encode()

SIZE = 600


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a log of two blocks and a part, once; tests copy it."""
    return short_log(tmp_path_factory.mktemp("log") / "log", SIZE)


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """Copy the log."""
    return Path(shutil.copytree(made, tmp_path / "log"))


@pytest.fixture
def key(folder: Path) -> SigningKey:
    """Make the key of the log."""
    return SigningKey.generate(origin_of(LogReader(folder).identity))


def sign(folder: Path, key: SigningKey) -> TreeHead:
    """Sign the log as it is now, as a process of today would."""
    return sign_tree_head(LogReader(folder), key)


def test_the_published_tree_head_is_read() -> None:
    """The example of the specification comes apart as it says, and back byte for byte."""
    head = TreeHead.parse(SPEC_HEAD)

    assert (head.origin, head.size) == ("example.com/behind-the-sofa", 20852163)
    assert head.root == base64.b64decode("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=")
    assert [signature.name for signature in head.signatures] == [head.origin]
    assert head.encode() == SPEC_HEAD


def test_an_unsigned_head_is_its_text() -> None:
    """Without signatures the three lines alone are read and written, and say so."""
    data = SPEC_HEAD.partition(b"\n\n")[0] + b"\n"
    head = TreeHead.parse(data)

    assert not head.signed
    assert head.encode() == data
    assert TreeHead.parse(data + b"extension\n").extensions == ("extension",)
    assert TreeHead.parse(data + b"extension\n").encode() == data + b"extension\n"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"origin\n1\n",
        SPEC_HEAD.partition(b"\n\n")[0],
        SPEC_HEAD.partition(b"\n\n")[0] + b"\nextension",
        SPEC_HEAD.replace(b"20852163", b"020852163"),
        SPEC_HEAD.replace(b"20852163", b"-1"),
        SPEC_HEAD.replace(b"20852163", b"1e3"),
        SPEC_HEAD.replace(b"20852163", "\N{ARABIC-INDIC DIGIT ONE}".encode()),
        SPEC_HEAD.replace(b"20852163", b"9" * 19),
        SPEC_HEAD.replace(b"20852163\n", b"20852163 \n"),
        SPEC_HEAD.replace(b"20852163\n", b"20852163\n\n"),
        SPEC_HEAD.replace(b"CsUY", b"CsU"),
        SPEC_HEAD.replace(b"CsUYapGG", b""),
        SPEC_HEAD.replace(b"example", b"exam\xffple"),
        SPEC_HEAD.partition(b"\n\n")[0].replace(b"example", b"exam\x1bple") + b"\n",
        b"\n" + SPEC_HEAD.partition(b"\n")[2],
        b"x" * (MAX_NOTE + 1),
    ],
)
def test_what_is_no_tree_head_is_refused(data: bytes) -> None:
    """Missing lines, sizes that are no plain number, and roots that are no hash."""
    with pytest.raises(BadEvidence):
        TreeHead.parse(data)


@given(st.binary(max_size=80))
def test_any_bytes_are_a_head_or_none(data: bytes) -> None:
    """Whatever comes in is refused, or comes back byte for byte."""
    for candidate in (data, SPEC_HEAD[: len(data)] + data, SPEC_HEAD + data):
        try:
            head = TreeHead.parse(candidate)
        except BadEvidence:
            continue
        assert head.encode() == candidate


def test_the_head_is_of_all_lines(folder: Path) -> None:
    """Size and root are those of the durable lines, and the origin names the ledger."""
    head = current_tree_head(LogReader(folder))

    assert head.size == SIZE
    assert head.root == root_of(leaves_of(folder))
    assert head.origin == f"runfold/{LogReader(folder).identity.ledger_id}"
    assert not head.signed


def test_a_signed_head_is_kept_and_passes(folder: Path, key: SigningKey) -> None:
    """What was signed is in the file, and its signature is of that key and no other."""
    head = sign(folder, key)

    assert stored_tree_head(LedgerFolder(folder)) == head
    assert (folder / "tree-head").read_bytes() == head.encode()
    head.check_signature(key.verifier_key)
    other = SigningKey.generate(key.name).verifier_key
    with pytest.raises(NotProven, match="no signature of that key"):
        head.check_signature(other)
    with pytest.raises(NotProven, match="unsigned"):
        current_tree_head(LogReader(folder)).check_signature(key.verifier_key)


def test_a_head_of_another_log_signed_by_the_key_is_refused(key: SigningKey) -> None:
    """A key vouches for the log it is named after, whatever else it was made to sign."""
    other = TreeHead("runfold/other", 1, b"x" * 32).sign(key)

    with pytest.raises(NotProven, match="another log"):
        other.check_signature(key.verifier_key)


def test_each_changed_value_of_a_signed_head_is_noticed(folder: Path, key: SigningKey) -> None:
    """Neither size nor root nor extensions can be changed under a signature."""
    head = sign(folder, key)

    for changed in (
        replace(head, size=head.size - 1),
        replace(head, root=bytes([head.root[0] ^ 1]) + head.root[1:]),
        replace(head, extensions=("more",)),
    ):
        with pytest.raises(NotProven, match="does not fit"):
            TreeHead.parse(changed.encode()).check_signature(key.verifier_key)


def test_signing_goes_on_with_the_log(folder: Path, key: SigningKey) -> None:
    """Each later head extends the one before, and the same log is not signed twice."""
    heads = [sign(folder, key)]
    for size in (SIZE + 1, SIZE + 2, 2 * SIZE):
        heads.append(sign(short_log(folder, size), key))
        assert heads[-1].root == root_of(leaves_of(folder))

    before = (folder / "tree-head").stat()
    assert sign(folder, key) == heads[-1]
    assert (folder / "tree-head").stat() == before
    for head in heads:
        for quick in (True, False):
            extension = check_extends(LogReader(folder), head, quick=quick)
            roots = {"old_root": head.root, "new_root": heads[-1].root}
            proof = extension.proof
            assert verify_consistency(head.size, heads[-1].size, **roots, proof=proof)


def test_a_new_key_takes_over(folder: Path, key: SigningKey) -> None:
    """After a change of keys the log is still held against what the old key signed."""
    old = sign(folder, key)
    successor = SigningKey.generate(key.name)

    head = sign(folder, successor)

    assert (head.text, head.signatures != old.signatures) == (old.text, True)
    forge(folder, 5)
    with pytest.raises(LedgerReplaced, match="rewritten"):
        sign(folder, SigningKey.generate(key.name))


def test_only_what_is_durable_is_signed(folder: Path, key: SigningKey) -> None:
    """Lines above the mark are not counted, and without a mark nothing is signed."""
    lines = raw_lines(folder)
    set_mark(folder, 1, sum(len(line) + 1 for line in lines[:-3]), SIZE - 3)
    assert sign(folder, key).size == SIZE - 3

    lose_lock(folder)
    with pytest.raises(LedgerUnwritable, match="no durable mark"):
        sign(folder, key)
    (folder / "lock").write_bytes(b"")
    with pytest.raises(LedgerUnwritable, match="no durable mark"):
        sign(folder, key)


def test_the_key_of_another_log_signs_nothing(folder: Path) -> None:
    """A key is named after its log, and refuses every other."""
    with pytest.raises(NotProven, match="it is the key of"):
        sign(folder, SigningKey.generate("runfold/other"))
    assert not (folder / "tree-head").exists()


def test_signers_at_once_leave_the_latest_head(folder: Path, key: SigningKey) -> None:
    """Two that sign while the log grows never put an earlier head over a later one."""
    sizes: list[int] = []
    done = threading.Event()

    def sign_until_done() -> None:
        while not done.is_set():
            sign(folder, key)

    signers = [threading.Thread(target=sign_until_done) for _ in range(2)]
    for signer in signers:
        signer.start()
    for size in range(SIZE + 1, SIZE + 12):
        short_log(folder, size)
        stored = stored_tree_head(LedgerFolder(folder))
        sizes.append(stored.size if stored else 0)
    done.set()
    for signer in signers:
        signer.join()

    assert sizes == sorted(sizes)
    assert sign(folder, key).size == SIZE + 11


def test_a_file_that_is_no_head_stops_signing(folder: Path, key: SigningKey) -> None:
    """A damaged ``tree-head`` is an error and stays: it may be the only trace that is left."""
    sign(folder, key)
    flip(folder / "tree-head", 60)
    before = (folder / "tree-head").read_bytes()

    with pytest.raises((BadEvidence, LedgerReplaced)):
        sign(folder, key)
    assert (folder / "tree-head").read_bytes() == before
