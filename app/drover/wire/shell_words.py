"""Command lines as people copy them: the words of a POSIX shell, or of the prompt of Windows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class Command:
    """One simple command."""

    words: list[str] = field(default_factory=list)
    """With quotes and escapes resolved; variables stay as they are written."""
    standard_input: str | None = None
    """A here-document or here-string, if there is one."""


def commands(text: str) -> list[Command]:
    """The commands of a script, of whichever of the two kinds it looks like."""
    if _WINDOWS_SIGNS.search(text):
        return [Command(words=_windows_words(text))]
    return _posix_commands(text)


_WINDOWS_SIGNS = re.compile(r'(?:^|\s)\^"|\s\^\r?$', re.MULTILINE)
"""A caret before a word in quotes, or at the end of a line."""

_POSIX_PIECE = re.compile(
    r"""
    (?P<blank>[ \t]+)
    | (?P<continuation>\\\r?\n)
    | (?P<newline>\r?\n)
    | (?P<here><<(?P<strips>-?)[ \t]*(?P<mark>'[^'\n]*'|"[^"\n]*"|\\?[^\s<>;&|'"]+))
    | (?P<herestring><<<)
    | (?P<redirection>\d?(?:>>|>&|<&|[<>]))
    | (?P<end>[;&|()]+)
    | (?P<single>'[^']*')
    | \$'(?P<ansi>[^'\\]*(?:\\.[^'\\]*)*)'
    | \$?"(?P<double>[^"\\]*(?:\\.[^"\\]*)*)"
    | \\(?P<escaped>.)
    | (?P<plain>[^\s'"\\;&|<>()$]+|\$|.)
    """,
    re.VERBOSE | re.DOTALL,
)


class _PosixReader:
    """Gathers pieces into words, and words into commands."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.commands: list[Command] = [Command()]
        self._word: list[str] | None = None
        self._takes: str = ""
        """What the next word is: `` for an argument, `string` for a here-string, `file` for nothing."""
        self._here: list[tuple[Command, str, bool, bool]] = []

    def read(self) -> list[Command]:
        position = 0
        while position < len(self._text):
            at_word_start = self._word is None
            if at_word_start and self._text[position] == "#":
                position = _line_end(self._text, position)
                continue
            found = _POSIX_PIECE.match(self._text, position)
            assert found is not None  # the last alternative takes any character
            position = found.end()
            kind = found.lastgroup or ""
            if kind == "continuation":
                continue
            if found["here"]:
                self._note_here_document(found)
            elif kind == "newline":
                self._end_command()
                position = self._read_here_documents(position)
            elif kind in ("blank", "end", "herestring", "redirection"):
                self._end_word()
                if kind == "end":
                    self._end_command()
                self._takes = {"herestring": "string", "redirection": "file"}.get(kind, self._takes)
            else:
                self._add(_meaning(found, kind))
        self._end_command()
        return [command for command in self.commands if command.words]

    def _add(self, text: str) -> None:
        if self._word is None:
            self._word = []
        self._word.append(text)

    def _end_word(self) -> None:
        if self._word is None:
            return
        word, self._word = "".join(self._word), None
        takes, self._takes = self._takes, ""
        command = self.commands[-1]
        if takes == "string":
            command.standard_input = word + "\n"
        elif not takes:
            command.words.append(word)

    def _end_command(self) -> None:
        self._end_word()
        self._takes = ""
        if self.commands[-1].words:
            self.commands.append(Command())

    def _note_here_document(self, found: re.Match[str]) -> None:
        self._end_word()
        mark = found["mark"]
        is_literal = mark[0] in "'\"\\"
        self._here.append((self.commands[-1], mark.strip("'\"\\"), is_literal, bool(found["strips"])))

    def _read_here_documents(self, position: int) -> int:
        for command, mark, is_literal, strips in self._here:
            lines: list[str] = []
            while position < len(self._text):
                end = _line_end(self._text, position)
                line = self._text[position:end].rstrip("\r")
                position = end + 1
                line = line.lstrip("\t") if strips else line
                if line == mark:
                    break
                lines.append(line)
            text = "".join(f"{line}\n" for line in lines)
            command.standard_input = text if is_literal else re.sub(r"\\([$`\\])|\\\n", r"\1", text)
        self._here.clear()
        return min(position, len(self._text))


def _posix_commands(text: str) -> list[Command]:
    return _PosixReader(text).read()


def _line_end(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def _meaning(found: re.Match[str], kind: str) -> str:
    match kind:
        case "single":
            return found[0][1:-1]
        case "double":
            return re.sub(r"\\([$`\"\\])|\\\r?\n", r"\1", found["double"])
        case "ansi":
            return _ANSI_ESCAPE.sub(_ansi_meaning, found["ansi"])
        case "escaped":
            return found["escaped"]
        case _:
            return found[0]


_ANSI_ESCAPE = re.compile(
    r"\\(?:x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|([0-7]{1,3})|(.))", re.DOTALL
)
_ANSI_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"} | {
    "e": "\x1b",
    "E": "\x1b",
}


def _ansi_meaning(found: re.Match[str]) -> str:
    for group in (1, 2, 3):
        if found[group]:
            return _character(int(found[group], 16))
    if found[4]:
        return _character(int(found[4], 8) & 0xFF)
    letter = found[5]
    return _ANSI_LETTERS.get(letter, letter if letter in "\\'\"?" else f"\\{letter}")


def _character(number: int) -> str:
    return chr(number) if number <= 0x10FFFF else "\ufffd"


def _windows_words(text: str) -> list[str]:
    """First `cmd` takes its carets, then the program cuts its line into words.

    A caret makes the next character common; one at the end of a line takes the line end away, and what
    follows then is common too: so an empty line behind it is a line end inside the word.
    """
    return list(_cut_like_windows("".join(_without_carets(text.replace("\r\n", "\n")))))


def _without_carets(text: str) -> Iterator[str]:
    is_quoted = False
    position = 0
    while position < len(text):
        found = (_QUOTED if is_quoted else _UNQUOTED).match(text, position)
        assert found is not None
        position = found.end()
        is_quoted ^= found[0] == '"'
        yield found["kept"] if found["kept"] is not None else found[0]


_QUOTED = re.compile(r'"|[^"]+(?P<kept>(?!))?')
_UNQUOTED = re.compile(r'"|\^\n?(?P<kept>.?)|[^"^]+', re.DOTALL)
_WINDOWS_PIECE = re.compile(
    r'(?P<slashes>\\+)(?P<quote>"?)|(?P<bare>")|(?P<blank>[ \t\n]+)|(?P<plain>[^\\" \t\n]+)'
)


def _cut_like_windows(line: str) -> Iterator[str]:
    word: list[str] | None = None
    is_quoted = False
    for found in _WINDOWS_PIECE.finditer(line):
        if found["blank"] and not is_quoted:
            if word is not None:
                yield "".join(word)
            word = None
            continue
        word = [] if word is None else word
        if found["slashes"]:
            # Before a quote each pair of backslashes is one, and a single one makes the quote common.
            count = len(found["slashes"])
            word.append("\\" * (count // 2 if found["quote"] else count))
            if found["quote"] and count % 2:
                word.append('"')
            elif found["quote"]:
                is_quoted = not is_quoted
        elif found["bare"]:
            is_quoted = not is_quoted
        else:
            word.append(found[0])
    if word is not None:
        yield "".join(word)
