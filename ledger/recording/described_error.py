"""An exception in words: as it is recorded, and on one line."""

from __future__ import annotations

import traceback
from types import TracebackType

from ledger.payloads.derived import ErrorInfo
from ledger.plain_values import clean_text

__all__ = ["describe_error", "one_line"]


def describe_error(error: BaseException) -> ErrorInfo:
    """Put an exception into words: its class, its message, and the traceback Python prints.

    Frames of modules that set ``__tracebackhide__`` are left out where the traceback begins: they
    ran the stage, and say nothing of it. If nothing else is left, and no other exception led to
    this one, there is no traceback.
    """
    trace = error.__traceback__
    while trace is not None and "__tracebackhide__" in trace.tb_frame.f_globals:
        trace = trace.tb_next
    told = trace or error.__cause__ or (error.__context__ and not error.__suppress_context__)
    return ErrorInfo(
        type=_name(error),
        message=_message(error),
        traceback=clean_text(_traceback(error, trace)) or None if told else None,
    )


def _traceback(error: BaseException, trace: TracebackType | None) -> str:
    try:
        return "".join(traceback.format_exception(type(error), error, trace))
    except (Exception, SystemExit):  # noqa: BLE001 - it asks the exception for its notes and more
        frames = "".join(traceback.format_tb(trace))
        return f"Traceback (most recent call last):\n{frames}{_name(error)}: {_message(error)}\n"


def _name(error: BaseException) -> str:
    return clean_text(type(error).__qualname__)


def _message(error: BaseException) -> str:
    try:
        return clean_text(str(error))
    except (Exception, SystemExit):  # noqa: BLE001 - it is the program's own code, and may do anything
        return "<exception str() failed>"


def one_line(error: BaseException) -> str:
    """Give its class and its message, on one line."""
    message = " ".join(_message(error).split())
    name = _name(error)
    return f"{name}: {message}" if message else name
