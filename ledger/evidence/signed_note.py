"""Signed notes: a text and the signatures under it, by the public specification C2SP signed-note.

::

    <text, one or more lines>

    — <key name> <base64 of the key id and the signature>

Keys are Ed25519 and are written on one line each: a verifier key as
``<name>+<key id>+<base64 of 0x01 and the public key>``, a signing key as
``PRIVATE+KEY+<name>+<key id>+<base64 of 0x01 and the seed>``. The key id is the beginning of
SHA-256(name || newline || 0x01 || public key), 4 bytes, 8 hex digits.

Parsing is strict, and bounded by ``MAX_NOTE`` bytes and 16 signatures. Signatures by keys that are
not asked about are kept and ignored: others may sign the same note.

The package ``cryptography`` is imported only where something is signed or a signature is checked.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from ledger.errors import BadEvidence, NotProven, SigningUnavailable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = [
    "MAX_NOTE",
    "Note",
    "Signature",
    "SigningKey",
    "VerifierKey",
    "decode_base64",
    "decode_text",
    "is_signed_by",
    "parse_note",
]

MAX_NOTE = 128 * 1024

_MAX_SIGNATURES = 16
_ED25519 = b"\x01"
_KEY_SIZE = 32
_ID_SIZE = 4
_DASH = "\N{EM DASH} "
_PRIVATE = "PRIVATE+KEY+"
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_KEY_TEXT = re.compile(r"([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)")


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: whose it says it is, and the bytes."""

    name: str
    key_id: bytes
    value: bytes

    @property
    def line(self) -> str:
        """The line as it stands in a note, with its newline."""
        encoded = base64.b64encode(self.key_id + self.value).decode()
        return f"{_DASH}{self.name} {encoded}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text, which ends in a newline, and the signatures under it."""

    text: str
    signatures: tuple[Signature, ...]

    def encode(self) -> bytes:
        """Write the note."""
        lines = "".join(signature.line for signature in self.signatures)
        return f"{self.text}\n{lines}".encode()


def parse_note(data: bytes) -> Note:
    """Read a note; its signatures are not checked yet.

    Raises:
        BadEvidence: it is none, or beyond the limits.
    """
    text, blank, block = decode_text(data).rpartition("\n\n")
    if not blank or not block.endswith("\n"):
        raise _bad_note("it does not end in a blank line and signature lines")
    lines = block[:-1].split("\n")
    if len(lines) > _MAX_SIGNATURES:
        raise _bad_note(f"it has {len(lines)} signatures; the limit is {_MAX_SIGNATURES}")
    return Note(text + "\n", tuple(_parse_signature(line) for line in lines))


def decode_text(data: bytes) -> str:
    """Read the bytes of a note, or of its text alone.

    Raises:
        BadEvidence: they are too many, not UTF-8, or hold a control character.
    """
    if len(data) > MAX_NOTE:
        raise _bad_note(f"it has more than {MAX_NOTE} bytes")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise _bad_note("it is not UTF-8") from None
    if _CONTROL.search(text):
        raise _bad_note("it holds a control character")
    return text


def _bad_note(reason: str) -> BadEvidence:
    return BadEvidence("a signed note", reason)


def _parse_signature(line: str) -> Signature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    value = decode_base64(encoded)
    if not line.startswith(_DASH) or not space or not _is_name(name):
        raise _bad_note("a signature line is not a dash, a key name and base64")
    if value is None or len(value) <= _ID_SIZE:
        raise _bad_note("a signature is not base64 of a key id and a signature")
    return Signature(name, value[:_ID_SIZE], value[_ID_SIZE:])


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(letter.isspace() for letter in name)


def decode_base64(text: str) -> bytes | None:
    """Decode base64 in its one canonical spelling; None for any other."""
    try:
        value = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return None
    return value if base64.b64encode(value).decode() == text else None


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """What whoever checks a signature must know beforehand. No secret."""

    name: str
    public: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a verifier key.

        Raises:
            BadEvidence: it is none.
        """
        if text.startswith(_PRIVATE):
            raise BadEvidence("a verifier key", "it is a signing key, which nobody else may see")
        name, key_id, public = _parse_key("a verifier key", text)
        key = cls(name, public)
        if key.key_id != key_id:
            raise BadEvidence("a verifier key", "its key id is not that of its name and key")
        return key

    @property
    def key_id(self) -> bytes:
        """What tells keys of one name apart, 4 bytes."""
        hashed = self.name.encode() + b"\n" + _ED25519 + self.public
        return hashlib.sha256(hashed).digest()[:_ID_SIZE]

    def __str__(self) -> str:
        return _key_text(self.name, self.key_id, self.public)


def _parse_key(what: str, text: str) -> tuple[str, bytes, bytes]:
    """Take the line of a key apart into name, key id and 32 bytes; the text is never shown."""
    match = _KEY_TEXT.fullmatch(text)
    if match is None or not _is_name(match[1]):
        raise BadEvidence(what, "it is not name+key id+base64")
    value = decode_base64(match[3])
    if value is None or value[:1] != _ED25519 or len(value) != 1 + _KEY_SIZE:
        raise BadEvidence(what, "it does not hold an Ed25519 key")
    return match[1], bytes.fromhex(match[2]), value[1:]


def _key_text(name: str, key_id: bytes, value: bytes) -> str:
    return f"{name}+{key_id.hex()}+{base64.b64encode(_ED25519 + value).decode()}"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """What signs. Never shown: not by ``repr``, not in an error."""

    name: str
    seed: bytes = field(repr=False)

    @classmethod
    def generate(cls, name: str) -> Self:
        """Make a new key.

        Raises:
            BadEvidence: the name cannot be one.
        """
        if not _is_name(name):
            raise BadEvidence("a key name", f"{name!r} is empty, or has a space or a plus")
        return cls(name, secrets.token_bytes(_KEY_SIZE))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a signing key.

        Raises:
            BadEvidence: it is none; nothing of it is told.
            SigningUnavailable: ``cryptography`` is not installed.
        """
        name, key_id, seed = _parse_key("a signing key", text.removeprefix(_PRIVATE))
        key = cls(name, seed)
        if not text.startswith(_PRIVATE) or key.verifier_key.key_id != key_id:
            raise BadEvidence("a signing key", "its key id is not that of its name and key")
        return key

    @property
    def encoded(self) -> str:
        """The key on one line, for its file and nothing else."""
        return _PRIVATE + _key_text(self.name, self.verifier_key.key_id, self.seed)

    @property
    def verifier_key(self) -> VerifierKey:
        """What others check its signatures with."""
        return VerifierKey(self.name, _private_key(self.seed).public_key().public_bytes_raw())

    def sign(self, text: str) -> Signature:
        """Sign the text of a note."""
        value = _private_key(self.seed).sign(text.encode())
        return Signature(self.name, self.verifier_key.key_id, value)


def _private_key(seed: bytes) -> Ed25519PrivateKey:
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415 - an extra
    except ImportError:
        raise SigningUnavailable from None
    return ed25519.Ed25519PrivateKey.from_private_bytes(seed)


def _fits(key: VerifierKey, text: str, signature: bytes) -> bool:
    try:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - an extra
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415
    except ImportError:
        raise SigningUnavailable from None
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(key.public).verify(signature, text.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def is_signed_by(note: Note, key: VerifierKey) -> bool:
    """Tell whether a note bears a signature of this key.

    Raises:
        NotProven: it bears one that says it is of this key and is not.
        SigningUnavailable: ``cryptography`` is not installed.
    """
    own = [s for s in note.signatures if (s.name, s.key_id) == (key.name, key.key_id)]
    for signature in own:
        if not _fits(key, note.text, signature.value):
            raise NotProven(f"{key.name} signed it", "the signature does not fit the text")
    return bool(own)
