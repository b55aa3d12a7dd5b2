"""The child process that typesets formulas and highlights code, which would hold up the window.

Run as `python -m drover.ui.typesetter`; the parent is `drover.ui.typesetting`. Each line of standard input
is a question in JSON, `{"id": N, "kind": KIND, "text": TEXT, "option": WORD}`. Each answer on standard output
is a line `{"id": N, "bytes": COUNT, ...}`, followed by so many bytes; `"failed": true` says that there is no
answer. They come in the order of the questions.

One answer may take a second of processor time: beyond it the system ends this process, also where a regular
expression runs away in a library. It ends by itself when nothing was asked for a while and when its input
ends. It opens no connection and starts no process, imports no Qt, and is told nothing of profiles and keys.
"""

from __future__ import annotations

import faulthandler
import functools
import json
import os
import queue
import signal
import sys
import threading
import time
import warnings
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

FORMULA: Final = "formula"
"""The text is TeX, the option DISPLAY or nothing. Facts: width, ascent and descent, in sizes of the text.
Bytes: the picture in SVG, its colour "currentColor"."""
CODE: Final = "code"
"""The option is a language. Facts: tokens of the theme. Bytes: C ints, by four: line, start, length, token.
Offsets count UTF-16 units, as a text document does."""
LANGUAGE: Final = "language"
"""The text is a language as it stands behind a fence. Facts: its name."""
DISPLAY: Final = "display"

REFERENCE_SIZE: Final = 100.0
_MARGIN: Final = 0.04
"""Around a formula, of the size of the text: strokes may end a little outside their box."""
_LARGEST_SVG: Final = 2_000_000
_WIDEST: Final = 2000
_LIMIT_S: Final = 1.0
_LOADING_LIMIT_S: Final = 20.0
_HIGHLIGHT_S: Final = 0.7
_IDLE_S: Final = 60.0
_MOST_BYTES: Final = 1 << 30
_REFUSED: Final = ("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.spawn")

_TOKENS: Final[Mapping[str, str]] = {
    "Keyword": "syntax-keyword", "Operator.Word": "syntax-keyword",
    "Literal.String": "syntax-string", "Literal.Number": "syntax-number",
    "Comment": "syntax-comment", "Generic.Deleted": "syntax-keyword", "Generic.Inserted": "syntax-string",
    "Name.Builtin": "syntax-name", "Name.Function": "syntax-name", "Name.Class": "syntax-name",
    "Name.Decorator": "syntax-name", "Name.Tag": "syntax-keyword", "Name.Attribute": "syntax-name",
    "Name.Constant": "syntax-number", "Name.Exception": "syntax-name",
}  # fmt: skip


def main() -> int:
    """Answers until the input ends or nothing has been asked for a minute."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in the terminal is for the parent to handle
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not stand among the answers
    _keep_small()
    questions: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(questions,), daemon=True).start()
    while True:
        try:
            question = json.loads(questions.get(timeout=_IDLE_S))
        except queue.Empty:
            return 0
        facts, payload = _answered(question)
        head = {"id": question["id"], "bytes": len(payload), **facts}
        answers.write(json.dumps(head).encode("ascii") + b"\n" + payload)
        answers.flush()


def _read(questions: queue.SimpleQueue[bytes]) -> None:
    with os.fdopen(os.dup(0), "rb") as lines:
        for line in lines:
            questions.put(line)
    os._exit(0)  # the parent is gone, and there is nothing to save


def _keep_small() -> None:
    """The window comes first on a busy machine; no text may take all memory or reach beyond this process."""
    if hasattr(os, "nice"):
        os.nice(5)
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MOST_BYTES, _MOST_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.addaudithook(_refuse)


def _refuse(event: str, _arguments: object) -> None:
    if event.startswith(_REFUSED) and event not in ("socket.__new__", "socket.gethostname"):
        raise PermissionError(f"{event} has no place here")


def _limit(seconds: float) -> None:
    """Ends this process after so much processor time from now; 0 takes that back.

    Not by an exception: what runs away may be C code that looks at none. Time spent waiting for a processor
    does not count, except on Windows, which has no such clock.
    """
    if sys.platform != "win32":
        signal.setitimer(signal.ITIMER_PROF, seconds)
    elif seconds:
        faulthandler.dump_traceback_later(5 * seconds, exit=True)
    else:
        faulthandler.cancel_dump_traceback_later()


def _answered(question: Mapping[str, Any]) -> tuple[dict[str, object], bytes]:
    kind, text, option = str(question["kind"]), str(question["text"]), str(question["option"])
    try:
        _limit(_LOADING_LIMIT_S)
        _load(kind)
        _limit(_LIMIT_S)
        if kind == FORMULA:
            return _formula(text, is_display=option == DISPLAY)
        return _highlighted(text, option) if kind == CODE else ({"name": _language_name(text)}, b"")
    except Exception:  # a parser raises whatever it likes; the source is shown instead
        return {"failed": True}, b""
    finally:
        _limit(0)


@functools.cache
def _load(kind: str) -> None:
    """Imports what takes a while, so that it does not count as part of an answer."""
    if kind == FORMULA:
        import ziamath.styles
        import ziamath.zmath
        from ziamath.config import config
        from ziamath.nodes.mrow import Mrow

        config.svg2 = False  # Qt's renderer knows SVG 1.1
        # WORKAROUND ziamath 0.13: a deep copy of the style for each node is a quarter of its time.
        setattr(ziamath.styles, "asdict", vars)  # noqa: B010 - mypy does not let it be replaced openly
        setattr(Mrow, "_get_height_nostretch", _once(Mrow._get_height_nostretch))  # noqa: B010
        warnings.simplefilter("ignore")
        ziamath.zmath.Latex("x")
    else:
        import pygments.lexers  # noqa: F401


def _once(row_height: Callable[..., Any]) -> Callable[..., Any]:
    """Finds the height of each row of a formula once.

    WORKAROUND ziamath 0.13: before it lays out a row it does so on trial, to see how high brackets must be,
    and each time so for every row inside: a formula nested `n` deep takes 2^n times as long as a flat one.
    """
    from xml.etree.ElementTree import tostring

    def height(row: Any, line: Sequence[Any], **options: Any) -> Any:
        told = {name: value for name, value in options.items() if name not in _ONLY_FOR_BRACKETS}
        key = repr((row.style, row.size, row.glyphsize, told, *map(tostring, line)))
        if key not in _row_heights:
            _row_heights[key] = row_height(row, line, **options)
        return _row_heights[key]

    return height


_ONLY_FOR_BRACKETS: Final = ("nostretch", "rowymin", "rowymax")
_row_heights: dict[str, Any] = {}
"""Of the formula at hand."""


def _formula(tex: str, *, is_display: bool) -> tuple[dict[str, object], bytes]:
    from xml.etree import ElementTree

    from ziamath.zmath import Latex

    _row_heights.clear()
    margin = _MARGIN * REFERENCE_SIZE
    picture = Latex(tex, size=REFERENCE_SIZE, color="currentColor", inline=not is_display, margin=margin)
    box = picture.node.bbox
    width = (box.xmax - box.xmin) / REFERENCE_SIZE + 2 * _MARGIN
    ascent, descent = box.ymax / REFERENCE_SIZE + _MARGIN, _MARGIN - box.ymin / REFERENCE_SIZE
    if not (2 * _MARGIN < width < _WIDEST and 0 < ascent + descent < _WIDEST):
        return {"failed": True}, b""
    svg = ElementTree.tostring(picture.svgxml())
    if len(svg) > _LARGEST_SVG:
        return {"failed": True}, b""
    return {"width": width, "ascent": ascent, "descent": descent}, svg


@functools.cache
def _token_of(kind: Any) -> str:
    """The theme's token for a Pygments token type; empty for plain text."""
    name = str(kind).removeprefix("Token.")
    while name:
        if name in _TOKENS:
            return _TOKENS[name]
        name = name.rpartition(".")[0]
    return ""


@functools.lru_cache(maxsize=64)
def _lexer(word: str) -> Any:
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        # With a line break at its end, for which many rules look: that of a comment in Bash, for one.
        return get_lexer_by_name(word.strip("{}.").lower(), stripnl=False, ensurenl=True)
    except ClassNotFound:
        return None


def _language_name(word: str) -> str:
    lexer = _lexer(word)
    return str(lexer.name) if lexer is not None and lexer.name != "Text only" else ""


def _highlighted(code: str, language: str) -> tuple[dict[str, object], bytes]:
    lexer = _lexer(language)
    if lexer is None:
        return {"failed": True}, b""
    deadline_s = time.process_time() + _HIGHLIGHT_S
    is_wide = not code.isascii()
    tokens: dict[str, int] = {}
    found = array("i")
    line = column = 0
    for kind, text in lexer.get_tokens(code):
        token = _token_of(kind)
        for index, piece in enumerate(text.split("\n")):
            if index:
                line, column = line + 1, 0
            length = len(piece.encode("utf-16-le", "surrogatepass")) // 2 if is_wide else len(piece)
            if token and length:
                found.extend((line, column, length, tokens.setdefault(token, len(tokens))))
            column += length
        if time.process_time() > deadline_s:
            return {"failed": True}, b""
    return {"tokens": list(tokens)}, found.tobytes()


if __name__ == "__main__":
    sys.exit(main())
