"""Signed notes: the published examples byte for byte, and nothing that is none."""

from __future__ import annotations

import base64
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import BadEvidence, NotProven
from ledger.evidence.signed_note import (
    MAX_NOTE,
    Note,
    Signature,
    SigningKey,
    VerifierKey,
    decode_base64,
    is_signed_by,
    parse_note,
)

# The example of Go's golang.org/x/mod/sumdb/note, which defined the format.
SIGNING_KEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
VERIFIER_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SECOND_KEY = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
FIRST_LINE = (
    "\N{EM DASH} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfq"
    "dngotpRZb6KE6RyyBwJnAM=\n"
)
SECOND_LINE = (
    "\N{EM DASH} EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTG"
    "wnWLox33WWd1RvMc+QQ=\n"
)
SIGNED = f"{TEXT}\n{FIRST_LINE}".encode()
SIGNED_TWICE = f"{TEXT}\n{FIRST_LINE}{SECOND_LINE}".encode()

# The example of the specification itself, C2SP signed-note.
SPEC_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SPEC_NOTE = (
    "This is an example message.\n\n"
    "\N{EM DASH} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONn"
    "cAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()


def test_the_published_key_signs_the_published_note() -> None:
    """Signing the published text with the published key gives the published bytes."""
    key = SigningKey.parse(SIGNING_KEY)

    assert Note(TEXT, (key.sign(TEXT),)).encode() == SIGNED
    assert str(key.verifier_key) == VERIFIER_KEY
    assert key.encoded == SIGNING_KEY


@pytest.mark.parametrize(
    ("note", "key"),
    [
        (SIGNED, VERIFIER_KEY),
        (SIGNED_TWICE, VERIFIER_KEY),
        (SIGNED_TWICE, SECOND_KEY),
        (SPEC_NOTE, SPEC_KEY),
    ],
)
def test_the_published_notes_pass(note: bytes, key: str) -> None:
    """Each published signature fits, beside another one too, and the bytes come back."""
    parsed = parse_note(note)

    assert is_signed_by(parsed, VerifierKey.parse(key))
    assert parsed.encode() == note
    assert str(VerifierKey.parse(key)) == key


def test_a_signature_of_another_key_is_ignored() -> None:
    """A note that the key did not sign is not signed by it, which is no error by itself."""
    assert not is_signed_by(parse_note(SIGNED), VerifierKey.parse(SECOND_KEY))
    renamed = VerifierKey("SomebodyElse", VerifierKey.parse(VERIFIER_KEY).public)
    assert not is_signed_by(parse_note(SIGNED), renamed)


def test_a_signature_by_an_algorithm_that_is_not_known_is_ignored() -> None:
    """Signatures of any length by other keys, such as those of witnesses, are kept and passed."""
    other = Signature("witness.example", b"\x00\x01\x02\x03", b"x" * 5_000)
    note = parse_note(Note(TEXT, (other, *parse_note(SIGNED).signatures)).encode())

    assert is_signed_by(note, VerifierKey.parse(VERIFIER_KEY))
    assert note.signatures[0] == other


def test_each_changed_letter_of_the_text_is_noticed() -> None:
    """A signature that says it is of the key and does not fit refuses the whole note."""
    key = VerifierKey.parse(VERIFIER_KEY)
    signatures = parse_note(SIGNED).signatures
    for at in range(len(TEXT) - 1):
        changed = TEXT[:at] + ("x" if TEXT[at] != "x" else "y") + TEXT[at + 1 :]
        with pytest.raises(NotProven, match="does not fit"):
            is_signed_by(Note(changed, signatures), key)


def test_each_changed_bit_of_a_signature_is_noticed() -> None:
    """A signature with a wrong bit is not of the key, whatever else the note holds."""
    key = VerifierKey.parse(VERIFIER_KEY)
    (sound,) = parse_note(SIGNED).signatures
    for at in range(0, len(sound.value) * 8, 3):
        value = bytearray(sound.value)
        value[at // 8] ^= 1 << at % 8
        wrong = Signature(sound.name, sound.key_id, bytes(value))
        for signatures in ((wrong,), (sound, wrong)):
            with pytest.raises(NotProven, match="does not fit"):
                is_signed_by(Note(TEXT, signatures), key)


@pytest.mark.parametrize("value", [b"", b"short", b"x" * 63, b"x" * 65, b"x" * 4_000])
def test_a_signature_of_the_wrong_length_is_refused(value: bytes) -> None:
    """A signature that no Ed25519 key makes is a wrong one, not a crash."""
    key = VerifierKey.parse(VERIFIER_KEY)
    note = Note(TEXT, (Signature(key.name, key.key_id, value or b"\x00"),))

    with pytest.raises(NotProven, match="does not fit"):
        is_signed_by(note, key)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"text\n",
        b"text\n\n",
        b"text" + SIGNED[len(TEXT) + 1 :],
        SIGNED[:-1],
        SIGNED + b"\n",
        SIGNED + b"x",
        SIGNED.replace(b"\n", b"\r\n"),
        SIGNED.replace(b"If", b"I\x00"),
        SIGNED.replace(b"If", b"I\xff"),
        SIGNED.replace(b"If", b"I\t"),
        SIGNED.replace("\N{EM DASH}".encode(), b"-"),
        SIGNED.replace(b" PeterNeumann ", b"  "),
        SIGNED.replace(b"PeterNeumann ", b"Peter Neumann "),
        SIGNED.replace(b"PeterNeumann", b"Peter+Neumann"),
        SIGNED.replace(b"PeterNeumann", "Peter\N{NO-BREAK SPACE}N".encode()),
        SIGNED.replace(b"AM=\n", b"AN=\n"),
        SIGNED.replace(b"AM=\n", b"AM\n"),
        SIGNED.replace(b"AM=\n", b"AM==\n"),
        SIGNED.replace(b"x08g", b"x08-"),
        TEXT.encode() + b"\n" + "\N{EM DASH} name AAAAAA==\n".encode(),
        TEXT.encode() + b"\n" + "\N{EM DASH} name \n".encode(),
        TEXT.encode() + b"\n" + FIRST_LINE.encode() * 17,
        b"x" * MAX_NOTE + b"\n" + SIGNED,
    ],
)
def test_what_is_no_note_is_refused(data: bytes) -> None:
    """Wrong line ends, names, base64, control characters, and more than the limits."""
    with pytest.raises(BadEvidence, match="not a signed note"):
        parse_note(data)


def test_sixteen_signatures_pass() -> None:
    """A note may bear as many signatures as everyone must accept."""
    note = parse_note(TEXT.encode() + b"\n" + FIRST_LINE.encode() * 16)

    assert len(note.signatures) == 16
    assert is_signed_by(note, VerifierKey.parse(VERIFIER_KEY))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_note_or_none(data: bytes) -> None:
    """Whatever comes in is refused, or comes back byte for byte."""
    for candidate in (data, SIGNED[: len(data)] + data, TEXT.encode() + b"\n" + data):
        try:
            note = parse_note(candidate)
        except BadEvidence:
            continue
        assert note.encode() == candidate


def test_no_part_of_a_key_is_a_key() -> None:
    """Every shortened and every changed verifier or signing key is refused."""
    for parse, key in ((VerifierKey.parse, VERIFIER_KEY), (SigningKey.parse, SIGNING_KEY)):
        for at in range(len(key)):
            changed = key[:at] + chr(ord(key[at]) + 1) + key[at + 1 :]
            for wrong in (key[:at], key[at + 1 :], changed, f"{key}\n", f" {key}"):
                with pytest.raises(BadEvidence):
                    parse(wrong)


def test_keys_of_another_kind_are_refused() -> None:
    """A key of the wrong length, or of another algorithm, is none even with the right id."""
    for wrong in (
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ):
        with pytest.raises(BadEvidence):
            VerifierKey.parse(wrong)


def test_a_signing_key_is_never_shown() -> None:
    """Neither its text for people nor an error about it holds the secret."""
    secret = SIGNING_KEY[-20:]

    assert secret not in repr(SigningKey.parse(SIGNING_KEY))
    with pytest.raises(BadEvidence, match="nobody else may see") as caught:
        VerifierKey.parse(SIGNING_KEY)
    assert secret not in str(caught.value)
    with pytest.raises(BadEvidence) as refused:
        SigningKey.parse(SIGNING_KEY + "=")
    assert secret not in str(refused.value)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\N{NO-BREAK SPACE}b"])
def test_a_name_that_no_key_can_have_is_refused(name: str) -> None:
    """A key name is not empty and holds neither white space nor a plus."""
    with pytest.raises(BadEvidence, match="key name"):
        SigningKey.generate(name)


def test_base64_has_one_spelling() -> None:
    """Only what encoding would have written is decoded."""
    assert decode_base64("AAE=") == b"\x00\x01"
    for wrong in ("AAE", "AAF=", "AA E=", "AAE=\n", "AA-_", "A\u00c4E=", "AAE=AAE="):
        assert decode_base64(wrong) is None
    assert decode_base64(base64.b64encode(b"x" * 99).decode()) == b"x" * 99


def test_without_the_package_the_error_says_what_to_install() -> None:
    """Where cryptography is not installed, signing and checking name the extra that brings it."""
    program = (
        "import sys\n"
        "sys.modules['cryptography'] = None\n"
        "from ledger.errors import SigningUnavailable\n"
        "from ledger.evidence.signed_note import SigningKey, VerifierKey\n"
        "from ledger.evidence.signed_note import is_signed_by, parse_note\n"
        f"note, key = parse_note({SIGNED!r}), VerifierKey.parse({VERIFIER_KEY!r})\n"
        "for action in (lambda: is_signed_by(note, key), SigningKey.generate('x').sign):\n"
        "    try:\n"
        "        action('text') if action.__name__ == 'sign' else action()\n"
        "    except SigningUnavailable as error:\n"
        "        print(error)\n"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)

    assert done.stdout.decode().count("pip install 'runfold[sign]'") == 2
