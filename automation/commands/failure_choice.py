"""Which failure is meant by a fingerprint, or by the beginning of one."""

from __future__ import annotations

from automation.errors import FailureAmbiguous, FailureNotFound
from projections import RunHistory
from projections.failures.by_fingerprint import find_fingerprints

__all__ = ["find_fingerprint"]


def find_fingerprint(history: RunHistory, prefix: str) -> str:
    """Find the failure with this fingerprint, or the only one whose begins with it.

    Raises:
        FailureNotFound: there is none.
        FailureAmbiguous: there are several.
    """
    found = find_fingerprints(history, prefix) if prefix else []
    if not found:
        raise FailureNotFound(prefix, history.reader.folder.path)
    if len(found) > 1 and prefix not in found:
        raise FailureAmbiguous(prefix, found)
    return found[0]
