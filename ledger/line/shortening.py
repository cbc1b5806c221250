"""Long texts are shortened in the middle so that their event fits into a line.

A traceback says most at its two ends; a stage must not fail because its error was long.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from ledger.errors import EventTooLarge
from ledger.line.codec import Body, encode_body
from ledger.recorded import NewEvent
from ledger.secrets.redaction import Redaction

__all__ = ["encode_redacted", "encode_short", "shorten_text"]

_LONG_TEXTS = (
    "output_tail",
    "error.traceback",
    "error.message",
    "failure_reason",
    "summary.failure_reason",
    "reason",
    "note",
)
_LONGEST, _FEWEST = 32_768, 256


def shorten_text(text: str, limit: int) -> str:
    """Cut the middle out of a text over ``limit`` characters, with a mark that says how much.

    The mark counts: what comes back has ``limit`` characters at most, if the mark itself has.
    """
    if len(text) <= limit:
        return text
    kept = max(limit - len(_mark(len(text))), 0)
    begin = text[: kept // 2]
    end = text[len(text) - (kept - kept // 2) :]
    return begin + _mark(len(text) - kept) + end


def _mark(cut: int) -> str:
    return f"\n… {cut} characters cut …\n"


def encode_redacted(event: NewEvent, redaction: Redaction) -> Body:
    """Encode an event as ``encode_short`` does, without the secrets in it.

    What is too long is redacted before it is shortened, so that no cut parts a secret from the key
    that gives it away.
    """
    try:
        body = encode_body(event)
    except EventTooLarge:
        return encode_short(redaction.redact(event))
    if not redaction.may_apply(event, body.data):
        return body
    redacted = redaction.redact(event)
    return body if redacted is event else encode_short(redacted)


def encode_short(event: NewEvent) -> Body:
    """Encode an event, with its long texts shortened where it would not fit into a line.

    Raises:
        EventTooLarge: it does not fit even so, as with large metadata.
        InvalidEvent: what ``encode_body`` says.
    """
    try:
        return encode_body(event)
    except EventTooLarge as error:
        limit = _LONGEST
        while limit >= _FEWEST:
            # Always from the whole texts, so that the mark counts all that is missing.
            value = event.data.as_value()
            for path in _LONG_TEXTS:
                _shorten_at(value, path.split("."), limit)
            data = event.data.with_value(value)
            shorter = NewEvent(data, event.run_id, event.event_id, event.occurred_at)
            with suppress(EventTooLarge):
                return encode_body(shorter)
            limit //= 2
        raise error from None


def _shorten_at(value: dict[str, Any], path: list[str], limit: int) -> None:
    *outer, last = path
    for key in outer:
        inner = value.get(key)
        if not isinstance(inner, dict):
            return
        value = inner
    text = value.get(last)
    if isinstance(text, str):
        value[last] = shorten_text(text, limit)
