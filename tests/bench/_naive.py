"""The usual way to show an answer that streams: on each frame the whole text goes through QTextBrowser again.

Takes the address of the bench's server, an order and how to render (`qt`: Qt's own Markdown, which neither
highlights nor typesets; `html`: Python-Markdown with highlighted code). Prints its figures when
the last text is on the screen.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from urllib.parse import urlsplit

import markdown
from PySide6.QtCore import QSocketNotifier, Qt, QTimer
from PySide6.QtWidgets import QApplication, QMainWindow, QTextBrowser
from tests.bench._probe import Probe
from tests.bench._server import MODEL

_FRAME_MS = 16
_EXTENSIONS = ["tables", "fenced_code", "codehilite"]


class NaiveChat(QMainWindow):
    """Reads the stream from its socket and renders all of it once a frame."""

    def __init__(self, address: str, order: str, way: str) -> None:
        super().__init__()
        self._browser = QTextBrowser(self)
        self.setCentralWidget(self._browser)
        self._text: list[str] = []
        self._rest = b""
        self._renders_html = way == "html"
        self._renderings_ms: list[float] = []
        self._frame = QTimer(self, singleShot=True, interval=_FRAME_MS)
        self._frame.setTimerType(Qt.TimerType.PreciseTimer)
        self._frame.timeout.connect(self._render)
        self.resize(1440, 900)
        self.show()
        self._probe = Probe(self)
        parts = urlsplit(address)
        self._socket = socket.create_connection((parts.hostname, parts.port))
        body = json.dumps({"model": MODEL, "stream": True, "messages": [{"role": "user", "content": order}]})
        head = (
            f"POST {parts.path}/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._socket.sendall((head + body).encode())
        self._socket.setblocking(False)
        self._notifier = QSocketNotifier(self._socket.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._read)

    def _read(self) -> None:
        *lines, self._rest = (self._rest + self._socket.recv(65536)).split(b"\n")
        for line in lines:
            if line.startswith(b"data: {"):
                delta = json.loads(line[6:])["choices"][0]["delta"]
                self._text.append(delta.get("reasoning_content") or delta.get("content") or "")
            elif line.startswith(b"data: [DONE]"):
                self._notifier.setEnabled(False)
                QTimer.singleShot(1000, self._report)
        if not self._frame.isActive():
            self._frame.start()

    def _render(self) -> None:
        started_s = time.thread_time()
        text = "".join(self._text)
        if self._renders_html:
            self._browser.setHtml(markdown.markdown(text, extensions=_EXTENSIONS))
        else:
            self._browser.setMarkdown(text)
        bar = self._browser.verticalScrollBar()
        bar.setValue(bar.maximum())
        self._renderings_ms.append(1000 * (time.thread_time() - started_s))

    def _report(self) -> None:
        noted = {**self._probe.report(), "renderings_ms": self._renderings_ms}
        print(json.dumps(noted), flush=True)


if __name__ == "__main__":
    application = QApplication(sys.argv[:1])
    chat = NaiveChat(*sys.argv[1:4])
    sys.exit(application.exec())
