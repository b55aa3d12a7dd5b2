"""Heights above one another answer as a plain list would, whatever was changed before."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drover.ui.stacked_heights import StackedHeights

GAP = 16
HEIGHTS = st.lists(st.integers(1, 900), max_size=400)


def stack_of(heights: list[int]) -> StackedHeights:
    stack = StackedHeights(GAP)
    stack.replace_from(0, heights)
    return stack


def plain_tops(heights: list[int]) -> list[int]:
    return [sum(heights[:index]) + GAP * index for index in range(len(heights) + 1)]


@given(heights=HEIGHTS, changes=st.lists(st.tuples(st.integers(0, 399), st.integers(1, 900)), max_size=20))
def test_tops_follow_every_change(heights: list[int], changes: list[tuple[int, int]]) -> None:
    stack = stack_of(heights)
    for index, height in changes:
        if index < len(heights):
            stack[index] = heights[index] = height
    tops = plain_tops(heights)
    assert [stack.top(index) for index in range(len(heights) + 1)] == tops
    assert stack.total == (tops[-1] - GAP if heights else 0)


@given(heights=HEIGHTS, y=st.integers(-50, 400_000))
def test_what_stands_at_a_height_begins_there_or_above(heights: list[int], y: int) -> None:
    expected = [index for index, top in enumerate(plain_tops(heights)[:-1]) if top <= y]
    assert stack_of(heights).index_at(y) == (expected[-1] if expected else 0)


@given(before=HEIGHTS, first=st.integers(0, 400), after=HEIGHTS)
def test_an_end_is_replaced_as_in_a_list(before: list[int], first: int, after: list[int]) -> None:
    first = min(first, len(before))
    stack = stack_of(before)
    stack.replace_from(first, after)
    heights = before[:first] + after
    assert [stack[index] for index in range(len(stack))] == heights
    assert [stack.top(index) for index in range(len(heights))] == plain_tops(heights)[:-1]
