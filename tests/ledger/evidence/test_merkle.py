"""The Merkle tree: the roots and proofs of RFC 6962, and no way around a proof."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.evidence.merkle import (
    EMPTY_ROOT,
    Frontier,
    SubtreeHash,
    consistency_proof,
    hash_leaf,
    hash_node,
    inclusion_proof,
    perfect_root,
    tree_edge,
    tree_root,
    verify_consistency,
    verify_inclusion,
)
from tests.ledger.evidence.whole_tree import root_of

# The leaves, roots and proofs of the test suite of certificate-transparency, the first log of
# RFC 6962; every implementation since is held against them.
CT_INPUTS = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
]
CT_LEAVES = [hash_leaf(bytes.fromhex(text)) for text in CT_INPUTS]
CT_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
_LEAF_1 = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
_LEAF_4 = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
_LEAVES_2_3 = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
_LEAVES_4_5 = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
_LEAVES_6_7 = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
_LEAVES_4_7 = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
CT_INCLUSIONS = [
    (0, 1, []),
    (0, 8, [_LEAF_1, _LEAVES_2_3, _LEAVES_4_7]),
    (5, 8, [_LEAF_4, _LEAVES_6_7, CT_ROOTS[4]]),
    (2, 3, [CT_ROOTS[2]]),
    (1, 5, [CT_ROOTS[1], _LEAVES_2_3, _LEAF_4]),
]
CT_CONSISTENCIES = [
    (1, 1, []),
    (1, 8, [_LEAF_1, _LEAVES_2_3, _LEAVES_4_7]),
    (6, 8, [_LEAVES_4_5, _LEAVES_6_7, CT_ROOTS[4]]),
    (2, 5, [_LEAVES_2_3, _LEAF_4]),
]

LEAVES = [hash_leaf(b"%d" % number) for number in range(600)]


def subtree(leaves: Sequence[bytes]) -> SubtreeHash:
    """Look full subtrees up in a list of leaves."""
    return lambda level, index: perfect_root(leaves[index << level : (index + 1) << level])


def split(size: int) -> int:
    """Give k of RFC 6962: the largest power of two smaller than n."""
    return max(1 << bit for bit in range(size) if 1 << bit < size)


def mth(leaves: Sequence[bytes]) -> bytes:
    """Hash a tree exactly as section 2.1 of RFC 6962 defines it."""
    if len(leaves) < 2:
        return leaves[0] if leaves else EMPTY_ROOT
    k = split(len(leaves))
    return hash_node(mth(leaves[:k]), mth(leaves[k:]))


def path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Make an audit path exactly as section 2.1.1 defines it."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m: int, leaves: Sequence[bytes], *, whole: bool) -> list[bytes]:
    """Make a consistency proof exactly as section 2.1.2 defines it."""
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], whole=whole), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], whole=False), mth(leaves[:k])]


def test_roots_are_those_of_certificate_transparency() -> None:
    """The published roots of zero to eight leaves come out, by all ways to a root."""
    for size, root in enumerate(CT_ROOTS):
        assert root_of(CT_LEAVES[:size]).hex() == root
        assert tree_root(size, subtree(CT_LEAVES)).hex() == root


@pytest.mark.parametrize(("index", "size", "proof"), CT_INCLUSIONS)
def test_inclusion_proofs_are_those_of_certificate_transparency(
    index: int, size: int, proof: list[str]
) -> None:
    """The published inclusion proofs come out hash by hash, and pass."""
    made = inclusion_proof(index, size, subtree(CT_LEAVES))

    assert [step.hex() for step in made] == proof
    root = bytes.fromhex(CT_ROOTS[size])
    assert verify_inclusion(index, size, leaf=CT_LEAVES[index], proof=made, root=root)


@pytest.mark.parametrize(("old", "new", "proof"), CT_CONSISTENCIES)
def test_consistency_proofs_are_those_of_certificate_transparency(
    old: int, new: int, proof: list[str]
) -> None:
    """The published consistency proofs come out hash by hash, and pass."""
    made = consistency_proof(old, new, subtree(CT_LEAVES))

    assert [step.hex() for step in made] == proof
    roots = {"old_root": bytes.fromhex(CT_ROOTS[old]), "new_root": bytes.fromhex(CT_ROOTS[new])}
    assert verify_consistency(old, new, **roots, proof=made)


def test_small_trees_are_what_the_text_of_the_rfc_says() -> None:
    """All roots and proofs up to 33 leaves equal those of the definitions, and pass."""
    look = subtree(LEAVES)
    for size in range(34):
        root = mth(LEAVES[:size])
        assert tree_root(size, look) == root
        for index in range(size):
            proof = inclusion_proof(index, size, look)
            assert proof == path(index, LEAVES[:size])
            assert verify_inclusion(index, size, leaf=LEAVES[index], proof=proof, root=root)
        for old in range(size + 1):
            proof = consistency_proof(old, size, look)
            assert proof == (subproof(old, LEAVES[:size], whole=True) if old else [])
            roots = {"old_root": mth(LEAVES[:old]), "new_root": root}
            assert verify_consistency(old, size, **roots, proof=proof)


@settings(max_examples=60)
@given(st.integers(1, len(LEAVES)), st.data())
def test_larger_trees_are_what_the_text_of_the_rfc_says(size: int, data: st.DataObject) -> None:
    """A proof at any size equals that of the definition, and passes."""
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(1, size))
    look, leaves = subtree(LEAVES), LEAVES[:size]

    inclusion = inclusion_proof(index, size, look)
    consistency = consistency_proof(old, size, look)

    assert inclusion == path(index, leaves)
    assert consistency == subproof(old, leaves, whole=True)
    root = root_of(leaves)
    assert root == mth(leaves)
    assert verify_inclusion(index, size, leaf=LEAVES[index], proof=inclusion, root=root)
    roots = {"old_root": mth(LEAVES[:old]), "new_root": root}
    assert verify_consistency(old, size, **roots, proof=consistency)


@settings(max_examples=60)
@given(st.integers(0, 200), st.integers(0, 200))
def test_a_frontier_goes_on_from_any_size(size: int, more: int) -> None:
    """A tree that is grown from its edge has the root of one that was built at once."""
    frontier = Frontier(size, tree_edge(size, subtree(LEAVES)))

    for leaf in LEAVES[size : size + more]:
        frontier.add(leaf)

    assert frontier.size == size + more
    assert frontier.root() == mth(LEAVES[: size + more])


def altered(proof: list[bytes]) -> list[list[bytes]]:
    """Give a proof with each thing wrong in turn."""
    flipped = [
        [*proof[:at], bytes([step[0] ^ 1]) + step[1:], *proof[at + 1 :]]
        for at, step in enumerate(proof)
    ]
    swapped = [
        [*proof[:at], proof[at + 1], proof[at], *proof[at + 2 :]] for at in range(len(proof) - 1)
    ]
    dropped = [[*proof[:at], *proof[at + 1 :]] for at in range(len(proof))]
    longer = [[*proof, EMPTY_ROOT], [EMPTY_ROOT, *proof], [*proof, *proof, EMPTY_ROOT]]
    resized = [[*proof[:-1], proof[-1] + b"\x00"], [*proof[:-1], proof[-1][:-1]]] if proof else []
    return flipped + swapped + dropped + longer + resized


@settings(max_examples=60)
@given(st.integers(1, 70), st.data())
def test_an_inclusion_proof_with_anything_wrong_is_refused(size: int, data: st.DataObject) -> None:
    """No changed hash, place, size, leaf or root passes, nor a proof too long or too short."""
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, size, subtree(LEAVES))
    leaf, root = LEAVES[index], root_of(LEAVES[:size])

    for wrong in altered(proof):
        assert not verify_inclusion(index, size, leaf=leaf, proof=wrong, root=root)
    for other in {*range(-1, size + 2)} - {index}:
        assert not verify_inclusion(other, size, leaf=leaf, proof=proof, root=root)
    assert not verify_inclusion(index, size, leaf=LEAVES[index + 1], proof=proof, root=root)
    assert not verify_inclusion(index, size, leaf=leaf, proof=proof, root=EMPTY_ROOT)
    assert not verify_inclusion(index, 0, leaf=leaf, proof=proof, root=root)


@settings(max_examples=60)
@given(st.integers(1, 70), st.data())
def test_a_consistency_proof_with_anything_wrong_is_refused(size: int, data: st.DataObject) -> None:
    """No changed hash, size or root passes, nor a proof too long or too short."""
    old = data.draw(st.integers(1, size))
    proof = consistency_proof(old, size, subtree(LEAVES))
    old_root, new_root = root_of(LEAVES[:old]), root_of(LEAVES[:size])

    def passes(first: bytes, second: bytes, steps: list[bytes]) -> bool:
        return verify_consistency(old, size, old_root=first, new_root=second, proof=steps)

    assert passes(old_root, new_root, proof)
    for wrong in altered(proof):
        assert not passes(old_root, new_root, wrong)
    assert not passes(EMPTY_ROOT, new_root, proof)
    assert not passes(old_root, EMPTY_ROOT, proof)
    for other in {*range(1, size + 1)} - {old}:
        roots = {"old_root": old_root, "new_root": new_root}
        assert not verify_consistency(other, size, **roots, proof=proof)
    assert not verify_consistency(-1, size, old_root=old_root, new_root=new_root, proof=proof)
    assert not verify_consistency(size + 1, size, old_root=old_root, new_root=new_root, proof=proof)


def test_no_other_past_passes_for_the_old_tree() -> None:
    """A tree whose past was rewritten has no proof that begins with the old root."""
    forged = [hash_leaf(b"forged"), *LEAVES[1:64]]
    for old, new in pairwise(range(1, 64, 9)):
        proof = consistency_proof(old, new, subtree(forged))
        roots = {"old_root": root_of(LEAVES[:old]), "new_root": root_of(forged[:new])}
        assert not verify_consistency(old, new, **roots, proof=proof)


def test_what_is_not_there_cannot_be_proven() -> None:
    """Asking for a leaf beyond the tree, or a tree beyond the other, is an error."""
    look = subtree(LEAVES)
    for index, size in ((-1, 3), (3, 3), (0, 0)):
        with pytest.raises(IndexError, match="not in a tree"):
            inclusion_proof(index, size, look)
    for old, new in ((-1, 3), (4, 3)):
        with pytest.raises(IndexError, match="does not begin"):
            consistency_proof(old, new, look)


def test_ten_million_leaves_take_a_few_hundred_lookups() -> None:
    """A root and both proofs ask for few full subtrees, however long the log is."""
    asked: list[tuple[int, int]] = []

    def look(level: int, index: int) -> bytes:
        asked.append((level, index))
        return hash_leaf(b"%d %d" % (level, index))

    size = 10_000_000
    tree_root(size, look)
    proof = inclusion_proof(7_654_321, size, look)
    consistency = consistency_proof(7_654_321, size, look)

    assert (len(proof), len(consistency)) == (24, 25)
    assert len(asked) < 100
