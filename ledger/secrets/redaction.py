"""Take secrets out of an event before it is appended: the log cannot forget.

What is redacted is text: values under keys that name a secret (see ``secret_keys.py``), in
parameters, metadata and metrics at any depth, and secrets inside any text that people or programs
wrote (see ``secret_texts.py``). Numbers, booleans and names of stages, runs and pipelines stay.

Values in, values out; the same event always comes out the same, so that one which is sent again is
known again by its ``event_id``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from ledger.recorded import NewEvent
from ledger.secrets.secret_keys import SecretKeys
from ledger.secrets.secret_texts import REDACTED, TEXT_SIGNS, redact_text

__all__ = ["JSON_FIELDS", "REDACTED", "TEXT_FIELDS", "Redaction", "rules_of_environment"]

JSON_FIELDS = ("parameters", "metadata", "metrics", "summary.metadata")
"""Where a payload holds values of any shape."""

TEXT_FIELDS = (
    "trigger",
    "code_version",
    "output_tail",
    "error.message",
    "error.traceback",
    "failure_reason",
    "summary.failure_reason",
    "reason",
    "note",
    "actor",
    "source",
)
"""Where a payload holds text that people or programs wrote."""

_OUTER_FIELDS = tuple(
    dict.fromkeys(path.partition(".")[0] for path in (*JSON_FIELDS, *TEXT_FIELDS))
)


@lru_cache
def _free_fields(kind: type) -> tuple[str, ...]:
    """Name the fields of a payload that may hold free text; many have none."""
    return tuple(name for name in _OUTER_FIELDS if name in kind.__annotations__)


def rules_of_environment() -> tuple[str, ...]:
    """Give the rules in ``RUNFOLD_REDACT``: names of keys, with commas between them."""
    named = os.environ.get("RUNFOLD_REDACT", "").split(",")
    return tuple(name.strip() for name in named if name.strip())


class Redaction:
    """The rules, ready for use. Safe to share between threads."""

    def __init__(self, extra: Iterable[str] = ()) -> None:
        """Take the names of further keys whose values are secret, like ``iban``.

        Raises:
            InvalidEvent: one of them holds no word.
        """
        self._keys = SecretKeys(extra)
        self._signs = tuple(_to_search(sign.encode()) for sign in (*self._keys.signs, *TEXT_SIGNS))

    def may_apply(self, event: NewEvent, encoded: bytes) -> bool:
        """Tell quickly whether an event may hold a secret; most hold no free text at all.

        Args:
            event: the event.
            encoded: its payload as JSON.
        """
        data = event.data
        for name in _free_fields(type(data)):
            value = getattr(data, name)
            if value and not (isinstance(value, dict) and _is_numbers(value)):
                break
        else:
            return False
        searched = _to_search(encoded)
        for sign in self._signs:  # noqa: SIM110 - any() takes twice as long, on each append
            if sign in searched:
                return True
        return False

    def redact(self, event: NewEvent) -> NewEvent:
        """Give the event without its secrets; the very same event where it has none."""
        value = event.data.as_value()
        changed = [_change_at(value, path, self.value) for path in JSON_FIELDS]
        changed += [_change_at(value, path, self.value) for path in TEXT_FIELDS]
        if not any(changed):
            return event
        return NewEvent(
            event.data.with_value(value), event.run_id, event.event_id, event.occurred_at
        )

    def value(self, value: Any) -> Any:  # noqa: ANN401 - any JSON value
        """Give a JSON value without the secrets in it."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self._under(key, item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item) for item in value]
        return value

    def text(self, text: str) -> str:
        """Give a text without the secrets in it."""
        return redact_text(text, self._keys)

    def _under(self, key: str, value: Any) -> Any:  # noqa: ANN401 - any JSON value
        if isinstance(value, str):
            return REDACTED if self._keys.hides(key, value) else self.text(value)
        if isinstance(value, dict | list) and self._keys.is_secret(key):
            return _hide_texts(value)
        return self.value(value)


def _to_search(encoded: bytes) -> str:
    """Give lower-case bytes as characters: a short text is searched in a fifth of the time."""
    return str(encoded.lower(), "latin-1")


def _is_numbers(values: dict[str, Any]) -> bool:
    return all(type(value) in (int, float, bool) for value in values.values())


def _hide_texts(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Hide every text below a key that names a secret; numbers stay."""
    if isinstance(value, dict):
        return {key: _hide_texts(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_hide_texts(item) for item in value]
    return REDACTED if isinstance(value, str) and value else value


def _change_at(value: dict[str, Any], path: str, change: Callable[[Any], Any]) -> bool:
    """Change what lies at a path, where something does, and tell whether it is another now."""
    *outer, last = path.split(".")
    for key in outer:
        inner = value.get(key)
        if not isinstance(inner, dict):
            return False
        value = inner
    before = value.get(last)
    if before is None:
        return False
    value[last] = change(before)
    return bool(value[last] != before)
