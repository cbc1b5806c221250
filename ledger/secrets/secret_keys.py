"""Which keys name a secret: ``password``, ``api-key``, ``clientSecret``, and what a user adds.

A key is cut into words, at ``_``, ``-``, ``.`` and where small letters meet capitals. A rule is one
or more words, and a key is secret where these words stand in it beside each other, in one piece or
not: ``api key`` finds ``X-API-Key``, ``apiKey`` and ``apikey``. A few words give themselves away
anywhere (``dbpassword``). A last word that says that the value is something *about* a secret
(``password_file``, ``token_type``, ``secretName``) makes the key an open one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from ledger.errors import InvalidEvent

__all__ = ["SecretKeys"]

_RULES = (
    "access key",
    "account key",
    "api key",
    "auth key",
    "authorization",
    "bearer",
    "client secret",
    "cookie",
    "credential",
    "encryption key",
    "master key",
    "otp",
    "pass phrase",
    "pass wd",
    "pass word",
    "private key",
    "pwd",
    "secret",
    "shared access signature",
    "signing key",
    "token",
)
_ANYWHERE = ("password", "passwd", "passphrase")
_AT_THE_END = ("secret", "token", "apikey")
_ABOUT = frozenset(
    (
        "algorithm",
        "at",
        "class",
        "count",
        "endpoint",
        "expires",
        "expiry",
        "field",
        "file",
        "format",
        "hint",
        "in",
        "kind",
        "length",
        "limit",
        "max",
        "min",
        "name",
        "path",
        "policy",
        "rotation",
        "ttl",
        "type",
        "uri",
        "url",
        "version",
    )
)
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BETWEEN = re.compile(r"[^a-z0-9]+")
_LONGEST_KEY = 256
# What the rules above cannot be found without, in lower case; for a quick look at raw bytes.
_SIGNS = (
    "auth",
    "bearer",
    "cookie",
    "credential",
    "key",
    "otp",
    "pass",
    "pwd",
    "secret",
    "signature",
    "token",
)
_NUMBER = re.compile(r"[+-]?[0-9][0-9_.,]*(?:[eE][+-]?[0-9]+)?")


class SecretKeys:
    """The rules that ship, and those of a user."""

    def __init__(self, extra: Iterable[str] = ()) -> None:
        """Take further rules, like ``iban`` or ``customer number``.

        Raises:
            InvalidEvent: a rule holds no word.
        """
        added = [_words(rule) for rule in extra]
        if not all(added):
            raise InvalidEvent("redact", "a rule needs a word of letters or digits")
        rules = [*(tuple(rule.split()) for rule in _RULES), *added]
        spelt = "|".join("_?".join(rule) for rule in rules)
        anywhere, end = "|".join(_ANYWHERE), "|".join(_AT_THE_END)
        self._secret = re.compile(rf"(?:^|_)(?:{spelt})s?(?:_|$)|{anywhere}|(?:{end})s?$")
        self.signs = (*_SIGNS, *(max(rule, key=len) for rule in added))
        # The same few keys come again and again.
        self.is_secret = lru_cache(maxsize=1024)(self._is_secret)

    def _is_secret(self, key: str) -> bool:
        words = _words(key[-_LONGEST_KEY:])
        if not words or words[-1] in _ABOUT:
            return False
        return self._secret.search("_".join(words)) is not None

    def hides(self, key: str, value: str) -> bool:
        """Tell whether this text under this key is to be hidden; a count of tokens is not."""
        if not value or not self.is_secret(key):
            return False
        counts = _words(key[-_LONGEST_KEY:])[-1] in ("token", "tokens")
        return not (counts and _NUMBER.fullmatch(value))


def _words(key: str) -> tuple[str, ...]:
    """Cut a key into words of small letters and digits."""
    return tuple(word for word in _BETWEEN.split(_CAPITAL.sub("_", key).lower()) if word)
