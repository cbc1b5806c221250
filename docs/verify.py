"""Check a log without the program that wrote it, from what docs/format.md says and no more.

    python3 verify.py FOLDER [TREE_HEAD [VERIFIER_KEY]]

FOLDER is the data folder, TREE_HEAD a file that was kept, VERIFIER_KEY the line its owner gave out.
Only a signature needs more than the standard library: the package cryptography. Exit code 0: right.
"""
# ruff: noqa: INP001, T201 - a script to read and to copy; what it finds, it prints

import base64
import hashlib
import json
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

Subtrees = list[tuple[int, bytes]]


def need(fact: object, complaint: str) -> None:
    """End with a complaint unless something holds."""
    if not fact:
        sys.exit(f"WRONG: {complaint}")


def sha256(data: bytes) -> bytes:
    """Hash bytes."""
    return hashlib.sha256(data).digest()


def raw_lines(folder: Path) -> Iterator[bytes]:
    """Yield the lines up to the durable mark; without the file lock, all there are."""
    lock = folder / "lock"
    position, end = 0, int(lock.read_bytes().split()[3]) if lock.exists() else None
    for path in sorted((folder / "events").glob("*.jsonl")):
        need(path.stem == f"{position + 1:020}" or position == end, f"{path.name} is not next")
        with path.open("rb") as file:
            while position != end and (raw := file.readline(65_535)):
                position += 1
                need(raw.endswith(b"\n"), f"position {position} is cut, or too long")
                yield raw[:-1]
    need(position and end in (position, None), f"{end} lines were on disk, {position} are there")


def grow(subtrees: Subtrees, leaf: bytes) -> None:
    """Add a leaf to a Merkle tree, of which only the full subtrees are kept, largest first."""
    subtrees.append((1, leaf))
    while len(subtrees) > 1 and subtrees[-1][0] == subtrees[-2][0]:
        (width, left), (_, right) = subtrees[-2:]
        subtrees[-2:] = [(2 * width, sha256(b"\x01" + left + right))]


def root(subtrees: Subtrees) -> bytes:
    """Hash the full subtrees into the root over them."""
    above = subtrees[-1][1] if subtrees else sha256(b"")
    for _, left in reversed(subtrees[:-1]):
        above = sha256(b"\x01" + left + above)
    return above


def check_log(folder: Path, head_size: int) -> tuple[int, str, bytes, bytes]:
    """Check each line; give their number, the ledger's id, the root at a size and at the end."""
    count, rest, leaf, ledger_id, subtrees, last = 0, 0, bytes(32), "", Subtrees(), dict[str, int]()
    old_root = root(subtrees)
    for count, line in enumerate(raw_lines(folder), 1):
        need(line[-18:] == b',"crc":"%08x"}' % zlib.crc32(line[:-18]), f"position {count}: crc")
        event = json.loads(line)
        run, ledger_id = event["run_id"], ledger_id or event["data"]["ledger_id"]
        last[run] = last.get(run, 0) + 1 if run else 0
        need(event["position"] == count, f"position {count}: position")
        need(event["sequence"] == last[run], f"position {count}: sequence")
        need(event["prev"] == leaf.hex(), f"position {count}: prev")
        need(event["rest"] == rest - 1 if rest else event["rest"] >= 0, f"position {count}: rest")
        rest, leaf = event["rest"], sha256(b"\x00" + line)
        grow(subtrees, leaf)
        old_root = root(subtrees) if count == head_size else old_root
    need(rest == 0, "the last batch is not whole")
    return count, ledger_id, old_root, root(subtrees)


def check_signature(text: str, signatures: str, verifier_key: str) -> None:
    """Check that a key signed a tree head."""
    from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415 - only here

    name, key_id, key = verifier_key.split("+", 2)
    public = base64.b64decode(key)
    need(sha256(f"{name}\n".encode() + public).hex()[:8] == key_id, "that is no verifier key")
    values = [base64.b64decode(line.split(" ")[2]) for line in signatures.splitlines()]
    own = [value[4:] for value in values if value[:4].hex() == key_id]
    need(own and text.startswith(f"{name}\n"), "that key did not sign the tree head")
    ed25519.Ed25519PublicKey.from_public_bytes(public[1:]).verify(own[0], text.encode())


def main(folder: str, head_file: str = "", verifier_key: str = "") -> None:
    """Check a log, and that it extends a tree head if there is one."""
    note = Path(head_file).read_text(encoding="utf-8") if head_file else "\n0\n\n\n"
    origin, size, head_root = note.split("\n")[:3]
    count, ledger_id, old_root, new_root = check_log(Path(folder), int(size))
    print(f"{count} lines, root {base64.b64encode(new_root).decode()}")
    if head_file:
        need(origin == f"runfold/{ledger_id}", f"{origin} is another log")
        need(int(size) <= count, f"the tree head counts {size} lines: the log was cut")
        need(base64.b64decode(head_root) == old_root, "the log was rewritten since the tree head")
    if verifier_key:
        text, _, signatures = note.rpartition("\n\n")
        check_signature(f"{text}\n", signatures, verifier_key)
    head = f"it extends the tree head of {size} lines" if head_file else "no tree head was given"
    print(f"RIGHT: {head}; {'that key signed it' if verifier_key else 'no signature was checked'}")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Exception as error:  # noqa: BLE001 - whatever the bytes were, the answer is no
        sys.exit(f"WRONG: {error!r}")
