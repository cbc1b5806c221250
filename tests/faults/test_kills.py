"""SIGKILL at random moments, also inside batches of several MB: nothing acknowledged is lost."""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.survival import assert_survived
from tests.faults.workshop import Job, Workshop
from tests.ledger.witness import segments_of

_PATIENCE = 30.0


@dataclass(frozen=True)
class Load:
    """What the writers append: batches of so many lines of such a size."""

    parts: int
    size: int
    segment_bytes: int
    durability: str = "always"


LOADS = {
    "small": Load(3, 10, 1 << 26),
    "rotating": Load(3, 100, 4096),
    "megabytes": Load(60, 60_000, 1 << 26),
    "undurable": Load(4, 50, 16_384, "process"),
}


def kill_rounds(
    workshop: Workshop, folder: Path, load: Load, rounds: int, seed: int
) -> Counter[str]:
    """Kill three writers of one log at random moments, and look at it, again and again."""
    draw = random.Random(seed)
    count: Counter[str] = Counter()
    acknowledged: list[list[str]] = []
    for number in range(rounds):
        jobs = [
            workshop.start(
                "append_for_ever",
                folder,
                f"p{number}.{writer}",
                load.parts,
                load.size,
                load.segment_bytes,
                load.durability,
            )
            for writer in range(3)
        ]
        wait_for_one(jobs)
        time.sleep(draw.uniform(0, 0.04))
        if load.size > 1000:
            wait_for_growth(folder)
        draw.shuffle(jobs)
        for job in jobs:
            job.kill()
            time.sleep(draw.choice((0, 0, draw.uniform(0, 0.01))))
        for job in jobs:
            assert workshop.wait(job) == -9, job.complaints()
            acknowledged.append(job.acknowledged())
            count["writers killed at random moments"] += 1
        assert_survived(folder, acknowledged)
    count["acknowledged events looked for after those kills"] = sum(map(len, acknowledged))
    torn = len(list((folder / "quarantine").iterdir()))
    count["torn tails that those kills left"] = torn
    return count


def wait_for_one(jobs: list[Job]) -> None:
    """Wait until something was acknowledged."""
    end = time.monotonic() + _PATIENCE
    while not any(job.output.exists() and job.output.stat().st_size for job in jobs):
        assert time.monotonic() < end, [job.complaints() for job in jobs]
        time.sleep(0.001)


def wait_for_growth(folder: Path) -> None:
    """Wait for the moment at which the log grows: somebody is in the middle of a write."""
    path = segments_of(folder)[-1]
    size = path.stat().st_size
    end = time.monotonic() + _PATIENCE
    while path.stat().st_size == size:
        assert time.monotonic() < end, "nobody writes"


@pytest.mark.parametrize("name", LOADS)
def test_a_few_kills(workshop: Workshop, tmp_path: Path, name: str, tally: Counter[str]) -> None:
    """Three writers are killed: all acknowledged is there once, in order, in whole batches."""
    count = kill_rounds(workshop, tmp_path / "log", LOADS[name], rounds=2, seed=20)
    assert count["writers killed at random moments"] == 6
    assert count["acknowledged events looked for after those kills"] > 0
    tally.update(count)


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", LOADS)
def test_hundreds_of_kills(
    workshop: Workshop, tmp_path: Path, name: str, seed: int, tally: Counter[str]
) -> None:
    """However often writers are killed, all acknowledged is there once, in order, in batches."""
    rounds = 12 if name == "megabytes" else 25
    count = kill_rounds(workshop, tmp_path / "log", LOADS[name], rounds=rounds, seed=seed)
    assert count["writers killed at random moments"] == 3 * rounds
    assert count["acknowledged events looked for after those kills"] > 0
    tally.update(count)
