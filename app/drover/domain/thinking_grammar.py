"""A llama.cpp grammar that makes a model without reasoning of its own write its thinking first.

The grammar shapes only the thinking: `<think>`, a bounded number of one-sentence lines, `</think>`, an empty
line. The answer that follows is free text of any length, except that no line of it begins with `<`. Notation:
GBNF, as read by llama.cpp's request field `grammar`.
"""

from __future__ import annotations

from typing import Final

THINKING_LINES: Final[dict[str, tuple[int, int]]] = {"low": (1, 2), "medium": (3, 4), "high": (5, 8)}
"""Fewest and most lines of thinking for each effort."""

_THOUGHTS: Final[dict[str, str]] = {
    "low": "line closing?",
    "medium": "line{2,3} closing",
    "high": "line{4,7} closing",
}

# One sentence a line: left to itself a small model stops at a full stop, and a line cut at a fixed width
# would end inside a word. Where it rambles past the limit, the cut is written as an ellipsis.
# Words are hardly ever prescribed. A word that the model did not want is not written as one token but letter
# by letter, and after such a word SmolLM2 writes nonsense; "So," survives that, longer openings did not.
# A number is bounded because greedy sampling otherwise falls into "11.11.11...".
# An answer line may not begin with "<", or the model closes its thinking a second time.
_RULES: Final = r"""
line ::= [A-Z] unit{18,119} number? stop | [A-Z] unit{120} rambling
closing ::= "So," unit{16,119} number? stop | "So," unit{120} rambling
stop ::= [.?!] "\n"
rambling ::= "...\n"
unit ::= letter | number letter
letter ::= [^.?!<\t\r\n0-9]
number ::= [0-9]{1,6} ("." [0-9]{1,3})?
answer ::= [^< \t\r\n] text
text ::= | [^\n] text | "\n" below
below ::= | [^<\n] text | "\n" below
"""


def thinking_grammar(effort: str, *, begun: str = "") -> str:
    """The grammar for one effort of `THINKING_LINES`; any other effort is a ValueError.

    A line of thinking has about 20 to 160 characters. Where no effort is set there is no grammar to send.
    With `begun`, what was written with such a grammar up to any point, it is the grammar for what follows.
    """
    thoughts = _THOUGHTS.get(effort)
    if thoughts is None:
        raise ValueError(f"no thinking grammar for the effort {effort!r}; known: {', '.join(_THOUGHTS)}")
    opened, tag, thinking = begun.partition("<think>")
    if begun and (opened.strip() or not tag):
        return f"root ::= {_answer_after(begun)}{_RULES}"
    thinking, is_closed, answer = thinking.partition("</think>")
    if is_closed:
        return f"root ::= {_answer_after(answer)}{_RULES}"
    if begun:
        return f'root ::= {_thoughts_after(thinking, effort)} "</think>\\n\\n" answer{_RULES}'
    return f'root ::= "<think>\\n" {thoughts} "</think>\\n\\n" answer{_RULES}'


def _answer_after(answer: str) -> str:
    if not answer.strip():
        return ('"\\n" ' * (2 - min(2, answer.count("\n")))) + "answer"
    return "below" if answer.endswith("\n") else "text"


def _thoughts_after(thinking: str, effort: str) -> str:
    """The rest of a line that was begun, and what is missing of the lines."""
    fewest, most = THINKING_LINES[effort]
    is_first = not thinking.startswith("\n")
    *whole, line = thinking.removeprefix("\n").split("\n")
    rest = ['"\\n"'] if is_first and not line else []
    written = len(whole)
    if line:
        rest = ['"\\n"'] if line[-1] in ".?!" else ["(unit{0,119} number? stop | unit{120} rambling)"]
        written += 1
    if most > written:
        rest.append(f"line{{{max(0, fewest - written)},{most - written}}}")
    return " ".join(rest)
