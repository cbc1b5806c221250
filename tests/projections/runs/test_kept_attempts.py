"""The attempts of a run in blocks come to what one list of them would."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.runs.kept_attempts import Attempts, AttemptState

MANY = 200


def begun(stage: str, attempt: int) -> AttemptState:
    """Begin an attempt."""
    return AttemptState(stage, attempt, "2026-01-15T10:00:00.000000Z", position=attempt)


@given(
    first=st.integers(0, MANY),
    steps=st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=MANY),
)
def test_blocks_hold_what_one_list_holds(first: int, steps: list[tuple[str, bool]]) -> None:
    """Attempts begin and close in any order, with any number behind them."""
    kept, expected = Attempts(), []
    for number in range(first):
        kept = kept.with_begun(begun("early", number))
        expected.append(begun("early", number))
    for number, (stage, closes) in enumerate(steps):
        places = [at for at, one in enumerate(expected) if one.stage == stage]
        if closes and places:
            assert kept.last_of(stage) == expected[places[-1]]
            closed = msgspec.structs.replace(expected[places[-1]], result="success")
            kept = kept.with_closed(closed)
            expected[places[-1]] = closed
        else:
            kept = kept.with_begun(begun(stage, number))
            expected.append(begun(stage, number))
    assert list(kept.all()) == expected
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(kept), type=Attempts) == kept


def test_an_open_attempt_is_found_behind_many() -> None:
    """A stage that goes on while many others are tried closes in its own place."""
    kept = Attempts().with_begun(begun("long", 1))
    for number in range(MANY):
        kept = kept.with_begun(begun(f"short/{number}", 1))
    before = kept.all()

    after = kept.with_closed(msgspec.structs.replace(kept.last_of("long"), result="stopped"))

    assert after.all()[0].result == "stopped"
    assert after.all()[1:] == before[1:]
    assert kept.all() == before
    with pytest.raises(LookupError):
        kept.last_of("unknown")
