"""The health of a data folder on one page: everything is measured first, and then judged."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from automation.health.evidence_health import judge_evidence, measure_evidence
from automation.health.log_health import judge_clock, judge_log, judge_verification, measure_log
from automation.health.machine_health import judge_machine, measure_machine
from automation.health.symptom import State, Symptom, wrong
from automation.health.view_health import judge_views, measure_views
from ledger import LogReader
from ledger.disk.folder import LedgerFolder
from ledger.errors import LedgerDamaged, LedgerNotFound
from ledger.integrity.verify import Progress, verify

__all__ = ["Diagnosis", "diagnose"]


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of a folder.

    Attributes:
        folder: which.
        position: the last durable one.
        symptoms: what was looked at, and how it stands.
    """

    folder: str
    position: int
    symptoms: tuple[Symptom, ...]

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong."""
        return all(symptom.state is not State.WRONG for symptom in self.symptoms)


def diagnose(
    path: Path,
    *,
    key_file: Path | None = None,
    whole: bool = False,
    progress: Progress | None = None,
) -> Diagnosis:
    """Look at a data folder. Writes nothing to it.

    Args:
        path: the data folder.
        key_file: of the signing key; None is for the ledger's own.
        whole: check every line of the log.
        progress: told how far that is.

    Raises:
        LedgerNotFound: there is no ledger.
    """
    folder = LedgerFolder(path)
    log = measure_log(folder)
    verified = verify(path, progress=progress) if whole else None
    symptoms = [*judge_log(log), judge_verification(log, verified)]
    try:
        reader = LogReader(path)
    except (LedgerDamaged, LedgerNotFound) as error:
        symptoms.append(wrong("identity", str(error), "put ledger.json back from a backup"))
    else:
        # After the last line was read, so that a line appended meanwhile is not ahead of it.
        now = datetime.now(UTC)
        symptoms.append(judge_clock(log, now))
        symptoms += judge_evidence(
            measure_evidence(folder, reader.identity, log.position, key_file)
        )
        symptoms += judge_views(measure_views(reader, log.position, now))
    symptoms += judge_machine(measure_machine(folder))
    return Diagnosis(folder=str(path), position=log.position, symptoms=tuple(symptoms))
