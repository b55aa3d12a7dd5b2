"""Markdown as reasoning models write it, of any length, the same for the same seed and never repeated."""

from __future__ import annotations

import random
from collections.abc import Callable

_WORDS = """
the a of to and in is that for with as by on from at this which when where if then so because but however
therefore value model system function result step case proof bound order limit series matrix vector field
energy state signal error sample method cost time memory cache thread message token request response user
window layout frame index query table column row key hash tree graph node edge path search sort merge
gives takes returns holds follows depends grows shrinks converges diverges means shows implies requires
small large linear quadratic constant random stable exact approximate correct wrong common rare simple
first second next last whole other same different local global typical possible necessary sufficient
""".split()  # noqa: SIM905 - a list of a hundred literals would be a page
_CODE: dict[str, tuple[str, ...]] = {
    "python": (
        "def {0}_{1}({2}: list[float], limit: int = {n}) -> float:",
        '    """Return the {0} of every {1} up to `limit`."""',
        "    total = 0.0",
        "    for index, item in enumerate({2}[:limit]):",
        "        if item > {n}.5 and index % {m} == 0:",
        "            total += item ** 2 / (index + 1)  # {0} {1}",
        "        elif not item:",
        '            raise ValueError(f"bad {2}: {{item!r}}")',
        "    return total / max(1, len({2}))",
    ),
    "rust": (
        "pub fn {0}_{1}<'a>({2}: &'a [u64], limit: usize) -> Option<u64> {{",
        "    let mut best: Option<u64> = None;",
        "    for (i, x) in {2}.iter().enumerate().take(limit) {{",
        "        if *x % {n} == {m} as u64 {{ best = best.max(Some(*x * i as u64)); }} // {0}",
        "    }}",
        "    best",
        "}}",
    ),
    "sql": (
        "SELECT {0}.id, count(*) AS {1}_count, avg({2}) AS mean -- {0} by {1}",
        "FROM {0} JOIN {1} ON {1}.{0}_id = {0}.id",
        "WHERE {0}.{2} > {n} AND {1}.name LIKE '%{2}%'",
        "GROUP BY {0}.id HAVING count(*) >= {m} ORDER BY mean DESC LIMIT {n};",
    ),
    "javascript": (
        "export async function {0}{n}({{ {1}, {2} = {m} }}) {{",
        "  const reply = await fetch(`/api/{0}/${{{1}.id}}?limit=${{{2}}}`);",
        "  if (!reply.ok) throw new Error(`no {0}: ${{reply.status}}`);",
        "  return (await reply.json()).filter((x) => x.{2} > {n}).map((x) => x.{1} ?? null);",
        "}}",
    ),
    "bash": (
        "#!/usr/bin/env bash",
        "set -euo pipefail",
        'for {0} in "${{{1}_DIR:-/srv/{2}}}"/*.log; do',
        "  grep -c '{2}' \"${0}\" | awk -v n={n} '{{ if ($1 > n) print \"{1}\", $1 }}'",
        "done",
    ),
    "json": (
        "{{",
        '  "{0}": {{ "{1}": {n}, "{2}": [{m}, {n}.5, null, true] }},',
        '  "name": "{0} {1} {n}"',
        "}}",
    ),
}
_FORMULAS = (
    r"\frac{{ {a}^{n} + {m} }}{{ {b}_{m} - 1 }}",
    r"\sum_{{k={m}}}^{{n}} \binom{{n}}{{k}} {a}^k {b}^{{n-k}} = ({a} + {b})^{{{n}}}",
    r"\int_0^{{{n}}} {a}^{m} e^{{-{b} {a}}} \, d{a}",
    r"\lim_{{{a} \to {m}}} \frac{{\sin({n} {a})}}{{{a}}} = {n}",
    r"\sqrt{{{a}^2 + {b}^2 - 2{a}{b}\cos({n}\theta)}}",
    r"\left\lVert {a} - \hat{{{b}}}_{{{n}}} \right\rVert_{m} \le \varepsilon",
    r"{a}_{{{n}}} \in \mathbb{{R}}^{{{m} \times {n}}}",
    r"\nabla_{{\theta}} L({a}, {b}) = -\frac{{{m}}}{{N}} \sum_i {a}_i {b}_i^{{{n}}}",
)


class Prose:
    """Writes paragraphs, lists, tables, code and formulas in the mixture of a long technical answer."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def answer(self, characters: int) -> str:
        """Markdown of exactly this many characters."""
        kinds: tuple[tuple[Callable[[], str], int], ...] = (
            (self._paragraph, 10), (self._list, 4), (self._code, 3), (self._display, 3), (self._table, 2),
            (self._numbered, 2), (self._heading, 3), (self._quote, 1), (self._tasks, 1),
        )  # fmt: skip
        pieces, weights = [kind for kind, _ in kinds], [weight for _, weight in kinds]
        return self._filled(characters, lambda: self._random.choices(pieces, weights)[0]())

    def reasoning(self, characters: int) -> str:
        """The same of a train of thought: mostly paragraphs, some lists and formulas."""
        pieces = (self._paragraph, self._paragraph, self._paragraph, self._list, self._thought)
        return self._filled(characters, lambda: self._random.choice(pieces)())

    def question(self) -> str:
        """One or two sentences."""
        return " ".join(self._sentence() for _ in range(self._random.randint(1, 2)))

    def _filled(self, characters: int, piece: Callable[[], str]) -> str:
        pieces: list[str] = []
        size = 0
        while size < characters:
            pieces.append(piece() + "\n\n")
            size += len(pieces[-1])
        return "".join(pieces)[:characters]

    def _word(self) -> str:
        return self._random.choice(_WORDS)

    def _sentence(self) -> str:
        words = [self._word() for _ in range(self._random.randint(6, 18))]
        words[0] = words[0].capitalize()
        kind = self._random.random()
        place = self._random.randrange(1, len(words))
        if kind < 0.12:
            words[place] = f"`{self._word()}_{self._word()}({self._random.randint(1, 99)})`"
        elif kind < 0.24:
            words[place] = f"**{words[place]} {self._word()}**"
        elif kind < 0.30:
            words[place] = f"*{words[place]}*"
        elif kind < 0.40:
            words[place] = f"${self._formula()}$"
        elif kind < 0.43:
            words[place] = f"[{words[place]}](https://example.org/{self._random.randint(1, 9999)})"
        return " ".join(words) + "."

    def _formula(self) -> str:
        names = self._random.sample(["x", "y", "z", "u", "v", "w", r"\alpha", r"\beta", r"\gamma"], 2)
        return self._random.choice(_FORMULAS).format(
            a=names[0], b=names[1], n=self._random.randint(2, 60), m=self._random.randint(1, 9)
        )

    def _paragraph(self) -> str:
        return " ".join(self._sentence() for _ in range(self._random.randint(2, 6)))

    def _thought(self) -> str:
        return f"Wait, {self._sentence().lower()} So ${self._formula()}$, hmm. {self._sentence()}"

    def _heading(self) -> str:
        return "#" * self._random.randint(2, 4) + " " + " ".join(self._word() for _ in range(4)).capitalize()

    def _list(self) -> str:
        lines = []
        for _ in range(self._random.randint(3, 7)):
            lines.append(f"- {self._sentence()}")
            if self._random.random() < 0.2:
                lines += [f"  - {self._sentence()}", f"  - {self._sentence()}"]
        return "\n".join(lines)

    def _numbered(self) -> str:
        count = self._random.randint(3, 6)
        lines = [f"**{self._word()} {self._word()}**: {self._sentence()}" for _ in range(count)]
        return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1))

    def _tasks(self) -> str:
        return "\n".join(f"- [{self._random.choice(' x')}] {self._sentence()}" for _ in range(3))

    def _quote(self) -> str:
        return f"> {self._sentence()} {self._sentence()}"

    def _table(self) -> str:
        columns = self._random.randint(3, 5)
        rows = [[self._word() for _ in range(columns)], ["---"] + ["--:"] * (columns - 1)]
        for _ in range(self._random.randint(3, 10)):
            figures = [f"{self._random.random() * 1000:.2f}" for _ in range(columns - 1)]
            rows.append([f"`{self._word()}` {self._word()}", *figures])
        return "\n".join("| " + " | ".join(row) + " |" for row in rows)

    def _code(self) -> str:
        language = self._random.choice(list(_CODE))
        blocks = []
        for _ in range(self._random.randint(1, 3)):
            names = [self._word() for _ in range(3)]
            numbers = {"n": self._random.randint(2, 99), "m": self._random.randint(1, 9)}
            blocks.append("\n".join(line.format(*names, **numbers) for line in _CODE[language]))
        return f"```{language}\n" + "\n\n".join(blocks) + "\n```"

    def _display(self) -> str:
        return f"{self._sentence()}\n\n$$\n{self._formula()}\n$$"
