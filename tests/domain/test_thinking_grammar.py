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


@pytest.mark.parametrize(
    ("begun", "root"),
    [
        ("<think>\n", 'line{3,4} "</think>\\n\\n" answer'),
        ("<think>", '"\\n" line{3,4} "</think>\\n\\n" answer'),
        (
            "<think>\nThe sky",
            '(unit{0,119} number? stop | unit{120} rambling) line{2,3} "</think>\\n\\n" answer',
        ),
        ("<think>\nThe sky is blue.", '"\\n" line{2,3} "</think>\\n\\n" answer'),
        ("<think>\nOne.\nTwo.\nThree.\n", 'line{0,1} "</think>\\n\\n" answer'),
        ("<think>\nOne.\nTwo.\nThree.\nFour.\n", ' "</think>\\n\\n" answer'),
        ("<think>\nOne.\n</think>", '"\\n" "\\n" answer'),
        ("<think>\nOne.\n</think>\n\n", "answer"),
        ("<think>\nOne.\n</think>\n\nThe", "text"),
        ("<think>\nOne.\n</think>\n\nThe\n", "below"),
        ("The", "text"),
    ],
)
def test_what_was_begun_goes_on_by_the_same_rules(begun: str, root: str) -> None:
    assert thinking_grammar("medium", begun=begun).splitlines()[0] == f"root ::= {root}"
