"""The grammar as text; that llama.cpp obeys it is tested with the local model."""

from __future__ import annotations

import pytest

from drover.domain.thinking_grammar import THINKING_LINES, thinking_grammar


@pytest.mark.parametrize("effort", THINKING_LINES)
def test_thinking_comes_first_and_an_answer_after_it(effort: str) -> None:
    root = thinking_grammar(effort).splitlines()[0]
    assert root.startswith('root ::= "<think>\\n" line')
    assert root.endswith('"</think>\\n\\n" answer')


def test_more_effort_allows_more_lines() -> None:
    fewest, most = zip(*(THINKING_LINES[effort] for effort in ("low", "medium", "high")), strict=True)
    assert fewest == (1, 3, 5)
    assert most == (2, 4, 8)


def test_an_unknown_effort_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'extreme'; known: low, medium, high"):
        thinking_grammar("extreme")
