"""A llama.cpp grammar that makes a model without reasoning of its own write its thinking first.

The grammar shapes only the thinking: `<think>`, a bounded number of one-sentence lines, `</think>`, an empty
line. The answer that follows is free text of any length, except that no line of it begins with `<`. Notation: GBNF, as read by llama.cpp's request field `grammar`.
"""

from __future__ import annotations

from typing import Final

THINKING_LINES: Final[dict[str, tuple[int, int]]] = {"low": (1, 2), "medium": (3, 4), "high": (5, 8)}
"""Fewest and most lines of thinking for each effort."""

_BODIES: Final[dict[str, str]] = {
    "low": "opening closing?",
    "medium": "opening line{1,2} closing",
    "high": "opening line{3,6} closing",
}

# One sentence a line: left to itself a small model stops at a full stop, and a line cut at a fixed width
# would end inside a word. Where it rambles past the limit, the cut is written as an ellipsis.
# The openings are those after which SmolLM2 puts almost all its weight on a plain word; after others ("The
# question is", "The user asks") it wants a colon or a quote, and held back from those it writes nonsense. None
# ends with a space: a lone space is a token of its own, and after one the model cannot find its word again.
# A number is bounded because greedy sampling otherwise falls into "11.11.11...".
# An answer line may not begin with "<", or the model closes its thinking a second time.
_RULES: Final = r"""
opening ::= ("The user wants to know " asked | ("I need to " | "I have to " | "My task is to ") task) sentence
asked ::= "about" | "how" | "if" | "what" | "whether" | "which" | "who" | "why"
task ::= "answer" | "calculate" | "choose" | "decide" | "describe" | "explain" | "find" | "help" | "write"
line ::= [A-Z] sentence
closing ::= ("So the answer is" | "So I will" | "So I can") short
sentence ::= unit{18,119} number? stop | unit{120} rambling
short ::= unit{3,109} number? stop | unit{110} rambling
stop ::= [.?!] "\n"
rambling ::= "...\n"
unit ::= letter | number letter
letter ::= [^.?!<\t\r\n0-9]
number ::= [0-9]{1,6} ("." [0-9]{1,3})?
answer ::= [^< \t\r\n] text
text ::= | [^\n] text | "\n" below
below ::= | [^<\n] text | "\n" below
"""


def thinking_grammar(effort: str) -> str:
    """The grammar for an effort of `THINKING_LINES`; any other effort is a ValueError.

    Every line of thinking has about 20 to 160 characters. No effort set means no grammar: do not call this.
    """
    body = _BODIES.get(effort)
    if body is None:
        raise ValueError(f"no thinking grammar for the effort {effort!r}; known: {', '.join(_BODIES)}")
    return f'root ::= "<think>\\n" {body} "</think>\\n\\n" answer{_RULES}'
