"""How many blocks a task takes: all once, each slot busy, no task too short or too long, within memory."""

from __future__ import annotations

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.portions import LONGEST, ROOM, RUN, SHORTEST, TASKS, Portions
from pipeline.stage import Cost

GB = 10**9


@given(
    st.lists(st.integers(0, 10**6), unique=True, max_size=300),
    st.integers(1, 40),
    st.lists(st.floats(0, 100), max_size=20),
    st.booleans(),
)
def test_every_block_is_taken_once_in_order(missing, slots, seconds, walked):
    portions = Portions.of(missing, slots, GB, Cost(memory=GB // 4, further=GB // 10 if walked else 0))
    found = []
    for portion in portions:
        found.append(portion)
        if seconds:
            portions.heard(seconds.pop() * len(portion), len(portion))
    assert [block for portion in found for block in portion] == missing
    assert all(found)


def sizes(blocks, slots, seconds):
    """Return how many blocks each task takes once it is known how long one does."""
    portions = Portions(range(blocks), slots)
    portions.heard(seconds, 1)
    return [len(portion) for portion in portions]


def test_the_first_tasks_are_short_because_nobody_knows_yet():
    assert [len(portion) for portion in Portions(range(9), 2)] == [1] * 9


@given(st.integers(1, 2000), st.integers(1, 40), st.floats(1e-3, 100))
def test_slots_have_tasks_to_the_end_and_tasks_take_their_time(blocks, slots, seconds):
    left = blocks
    for size in sizes(blocks, slots, seconds):
        fair = left // (TASKS * slots)
        assert size <= max(1, fair, ceil(left / slots) if size * seconds < SHORTEST + seconds else 0)
        assert size == 1 or size * seconds <= max(LONGEST, SHORTEST + seconds)
        if size * seconds < SHORTEST:  # only where another slot would have nothing to do
            assert size == max(1, fair, ceil(left / slots))
        left -= size


@pytest.mark.parametrize(("memory", "taken"), [(None, 4), (4 * GB, 4), (2 * GB, 3), (GB, 1)])
def test_memory_decides_how_many_blocks_share_a_walk(memory, taken):
    cost = Cost(memory=GB // 2, further=GB // 5)
    found = [len(portion) for portion in Portions.of(range(8), 2, memory, cost)]
    assert found[0] == taken
    assert sum(found) == 8
    if memory and taken > 1:
        assert cost.memory + (taken - 1) * cost.further <= ROOM * memory


def test_a_walk_is_shared_as_far_as_every_slot_has_one():
    found = [len(portion) for portion in Portions.of(range(8), 16, None, Cost(further=1))]
    assert found == [1] * 8


@given(st.integers(1, 400), st.integers(1, 40))
def test_blocks_that_are_read_ahead_are_shared_out_in_runs(blocks, slots):
    portions = [len(portion) for portion in Portions.of(range(blocks), slots, None, Cost(early=True))]
    share = ceil(blocks / slots)
    assert sum(portions) == blocks
    assert max(portions) <= RUN
    assert len(portions) <= slots * ceil(share / RUN)  # nobody has more runs than the share asks for


def test_slow_blocks_are_read_ahead_in_short_runs():
    portions = Portions(range(8), 1, early=True)
    portions.heard(4, 1)
    assert [len(portion) for portion in portions] == [2] * 4
