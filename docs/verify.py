"""Check a log without the program that wrote it, from what docs/format.md says and no more.

    python3 verify.py FOLDER [TREE_HEAD [VERIFIER_KEY]]

FOLDER is the data folder, TREE_HEAD a file that was kept, VERIFIER_KEY the line its owner gave out.
Only a signature needs more than the standard library: the package cryptography. Exit code 0: right.
It takes some 80 bytes of memory for each line.
"""
# ruff: noqa: INP001, PLC0415, T201 - a script to read and to copy; what it finds, it prints

import json
import sys
from binascii import a2b_base64, b2a_base64, crc32
from hashlib import sha256
from pathlib import Path


def need(fact: object, complaint: str) -> None:
    """End with a complaint unless something holds."""
    if not fact:
        sys.exit(f"WRONG: {complaint}")


def root(leaves: list[bytes]) -> bytes:
    """Hash leaves into the root over them, as RFC 6962 defines it in section 2.1."""
    at = 1 << (len(leaves) - 1).bit_length() >> 1  # the largest power of two below their number
    return sha256(b"\x01" + root(leaves[:at]) + root(leaves[at:])).digest() if at else leaves[0]


def main(folder: str, head_file: str = "", verifier_key: str = "") -> None:
    """Check each line; then that the log extends the tree head, and that the key signed that."""
    # In front of the leaves, so that the next position is their number, stands what line 1 names.
    lock, leaves, created, last, rest = Path(folder, "lock"), [bytes(32)], {}, {}, 0
    # The lines end at the durable mark; in a copy, which has no lock, at the end of the file.
    end = int(lock.read_bytes().split()[3]) if lock.exists() else sys.maxsize
    for path in sorted(Path(folder, "events").glob("*.jsonl")):
        need(path.stem == f"{len(leaves):020}" or len(leaves) > end, f"{path.name} is not next")
        with path.open("rb") as file:
            while len(leaves) <= end and (raw := file.readline(65_535)):
                need(raw[-19:] == b',"crc":"%08x"}\n' % crc32(raw[:-19]), f"crc at {len(leaves)}")
                # The first line of all says which log it is.
                event, created = json.loads(raw), created or json.loads(raw)
                run, rest = event["run_id"], rest - 1 if rest else max(event["rest"], 0)
                last[run] = last.get(run, 0) + 1 if run else 0
                found = [event[key] for key in ("position", "prev", "sequence", "rest")]
                need(found == [len(leaves), leaves[-1].hex(), last[run], rest], f"order: {found}")
                leaves.append(sha256(b"\x00" + raw[:-1]).digest())
    need(created and not rest and end in (len(leaves) - 1, sys.maxsize), "the log is cut short")

    # Without a tree head that was kept, this makes the one of today.
    note = Path(head_file).read_text(encoding="utf-8") if head_file else f"\n{len(leaves) - 1}"
    old = leaves[1 : int(note.split("\n")[1]) + 1]
    head = f"runfold/{created['data']['ledger_id']}\n{len(old)}\n{b2a_base64(root(old)).decode()}"
    need(note.startswith(head) or not head_file, "the log does not extend the tree head")
    if verifier_key:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        name, key_id, key = verifier_key.split("+", 2)
        own = [s for s in map(a2b_base64, note[len(head) :].split()[2::3]) if s[:4].hex() == key_id]
        need(own and head.startswith(f"{name}\n"), "that key did not sign the tree head")
        Ed25519PublicKey.from_public_bytes(a2b_base64(key)[1:]).verify(own[0][4:], head.encode())
    print(f"RIGHT: {len(leaves) - 1} lines, key {'right' if verifier_key else 'not given'}\n{head}")


if __name__ == "__main__":
    sys.excepthook = lambda kind, error, _: sys.exit(f"WRONG: {kind.__name__}: {error}")
    main(*sys.argv[1:]) if len(sys.argv) in (2, 3, 4) else sys.exit(__doc__)
