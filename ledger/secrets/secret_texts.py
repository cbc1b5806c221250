"""Find secrets in free text: output of programs, tracebacks, reasons, addresses.

Found are ``key=value``, ``key: value`` and ``--key value`` under a key that names a secret,
passwords in addresses (``https://user:…@host``), private keys in PEM, ``Bearer …``, and tokens that
are known by their looks (AWS, GitHub, GitLab, Slack, Stripe, Google, JWT and more). Everything else
stays as it is, to the character.

Plan. Each pattern either begins with literal characters or is held to the beginning of a word, and
takes what it has taken for good (possessive), so a text of any kind is read in linear time. A
second pass over what comes out changes nothing.
"""

from __future__ import annotations

import re

from ledger.secrets.secret_keys import SecretKeys

__all__ = ["REDACTED", "TEXT_SIGNS", "redact_text"]

REDACTED = "[redacted]"

# Without one of these, in lower case, a text holds nothing that this module looks for by its looks.
TEXT_SIGNS = (
    *("://", "akia", "asia", "eyj", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
    *("glpat-", "xox", "sk_live_", "rk_live_", "sk-", "aiza", "npm_", "pypi-", "hf_"),
)

_PEM = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|\Z)",
    re.DOTALL,
)
_PEM_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----")
_PEM_LINE = re.compile(r"[A-Za-z0-9+/=]*")
_USER_IN_ADDRESS = re.compile(r"(https?)?://([^\s/?#\"'<>`]*)@")
_BEARER = re.compile(r"(?<![A-Za-z0-9])((?i:bearer)[ \t]+)([A-Za-z0-9._~+/=-]{8,})")
_SHAPES = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Za-z])"
    r"|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}"
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,}|[sr]k_live_[A-Za-z0-9]{16,}"
    r"|sk-(?=[A-Za-z_-]{0,40}[0-9])[A-Za-z0-9_-]{20,}"
    r"|AIza[A-Za-z0-9_-]{35}|npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{16,}|hf_[A-Za-z0-9]{30,}"
    r"|eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{4,}+(?:\.[A-Za-z0-9_-]*+)?"
    r")"
)
# A key, and what leads from it to its value: `key=`, `"key": `, `key := `, `--key `, `'--key', '`.
_ASSIGNMENT = re.compile(
    r"(?<![\w.-])(?P<key>[\w.-]++)"
    r"(?:(?P<sign>\\*[\"']?[ \t]*+(?:=>|:=|==?|:(?!:))[ \t]*+)"
    # An option that follows is no value: `--key --verbose`, `--key -v`.
    r"|(?P<gap>[\"'],[ \t]*+|[ \t]++)(?!--[A-Za-z]|-[A-Za-z]?(?=[\s\"',]|\Z)))"
)
_QUOTED = re.compile(r"(\\*)([\"'])")
_TO_QUOTE = {
    '"': re.compile(r"[^\"\\\n]*+(?:\\.[^\"\\\n]*+)*+"),
    "'": re.compile(r"[^'\\\n]*+(?:\\.[^'\\\n]*+)*+"),
}
_TO_ANY_QUOTE = re.compile(r"[^\"'\n\\]*+")
_UNQUOTED = re.compile(r"[^\s\"'&;`]*+")
_TO_END_OF_LINE = re.compile(r"[^\r\n\"']*+")
_WHOLE_LINE = re.compile(r"(?i)(?:proxy[-_])?authorization|(?:set[-_])?cookie")
_CLOSING = ",.)]}>"
# Words of programs that stand where a value stands.
_NO_VALUE = frozenset(
    ("none", "null", "nil", "true", "false", "undefined", "str", "bytes", "int", "bool", "string")
)
_CODE = re.compile(r"[A-Za-z_][\w.]*[(\[{].*|\$\{?[A-Za-z_]\w*\}?|\*+|<[^<>]*", re.DOTALL)


def redact_text(text: str, keys: SecretKeys) -> str:
    """Give the text with each secret in it replaced by ``[redacted]``."""
    text = _redact_pem(text)
    if "://" in text:
        text = _USER_IN_ADDRESS.sub(_redact_user, text)
    text = _redact_assignments(text, keys)
    text = _BEARER.sub(_redact_bearer, text)
    return _SHAPES.sub(REDACTED, text)


def _redact_pem(text: str) -> str:
    if "PRIVATE KEY-----" not in text:
        return text
    text = _PEM.sub(REDACTED, text)
    pieces, done = [], 0
    for end in _PEM_END.finditer(text):
        # Its beginning was cut off, as the tail of an output is: the lines before it are the key.
        before = text[done : end.start()].split("\n")
        while before and _PEM_LINE.fullmatch(before[-1].strip()):
            before.pop()
        pieces.append("".join(f"{line}\n" for line in before) + REDACTED)
        done = end.end()
    return "".join(pieces) + text[done:]


def _redact_user(match: re.Match[str]) -> str:
    """Hide the password of an address; on the web also a name that stands alone, as tokens do."""
    web, user = match[1] or "", match[2]
    name, colon, password = user.partition(":")
    if colon and password:
        return f"{web}://{name}:{REDACTED}@"
    if web and name and not colon:
        return f"{web}://{REDACTED}@"
    return match[0]


def _redact_bearer(match: re.Match[str]) -> str:
    """Hide what follows ``Bearer``, unless it is a plain word, as in "bearer authentication"."""
    return match[0] if match[2].isalpha() and len(match[2]) < 24 else match[1] + REDACTED  # noqa: PLR2004 - longer than words are


def _redact_assignments(text: str, keys: SecretKeys) -> str:
    pieces: list[str] = []
    done = 0
    for match in _ASSIGNMENT.finditer(text):
        key = match["key"]
        if match.start() < done or (match["gap"] and not key.startswith("-")):
            continue
        if not keys.is_secret(key):
            continue
        start, end = _value_span(text, match.end(), key)
        if _is_open(keys, key, text[start:end], spaced=match[0].endswith(" ")):
            continue
        pieces += text[done:start], REDACTED
        done = end
    return "".join(pieces) + text[done:]


def _value_span(text: str, start: int, key: str) -> tuple[int, int]:
    """Find where a value begins and ends, without its quotes."""
    quote = _QUOTED.match(text, start)
    if quote is not None:
        inside = _TO_ANY_QUOTE if quote[1] else _TO_QUOTE[quote[2]]
        found = inside.match(text, quote.end())
        return quote.end(), quote.end() if found is None else found.end()
    whole_line = _WHOLE_LINE.fullmatch(key.lstrip("-")) is not None
    found = (_TO_END_OF_LINE if whole_line else _UNQUOTED).match(text, start)
    end = start if found is None else found.end()
    if text.startswith(REDACTED, start):
        return start, start + len(REDACTED)
    return start, start + len(text[start:end].rstrip(_CLOSING + " \t"))


def _is_open(keys: SecretKeys, key: str, value: str, *, spaced: bool) -> bool:
    """Tell whether a value is none: nothing, a word of a program, a count, hidden already."""
    if value in ("", REDACTED) or not keys.hides(key, value):
        return True
    if key.lower().endswith("pwd") and value[0] in "/~.":
        return True
    return value.lower() in _NO_VALUE or (spaced and _CODE.fullmatch(value) is not None)
