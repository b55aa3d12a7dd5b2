"""Makes the pictures of the README from the running program and its built-in model.

    .venv/bin/python packaging/screenshots.py [--out DIR] [--size 1280x800] [--scale 1] [--seed 11]

What is pictured is what a person gets who opens Drover on a fresh profile, clicks "Watch a model think",
and asks again with a seed:

    first-light.png       the window as it opens
    reasoning-light.png   the answer, its chain of thought open
    reasoning-dark.png    the same in the dark theme, with the Reasoning tab

Options:
    --out DIR        where the pictures go; resources/screenshots by default
    --size WxH       of the window, in logical pixels
    --scale N        device pixels to a logical one, such as 2 for a dense screen
    --seed N         of the sampling, so that the same build writes the same answer
    --patience N     seconds to wait for the answer

On Linux without a display it starts an Xvfb of its own. The profile is a temporary one.
Exit status: 0; 1 where the reason was printed in a line; 2 for wrong usage.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PySide6.QtGui import QImage
    from PySide6.QtWidgets import QWidget
    from tests.user import User

ROOT = Path(__file__).resolve().parent.parent
MOST_BYTES = 200_000
"""A picture in a README should not be heavier."""


def main() -> int:
    """Reads the switches, finds a display, makes the pictures."""
    options = _options()
    sys.path[:0] = [str(ROOT / "app"), str(ROOT)]
    os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
    os.environ["QT_SCALE_FACTOR"] = str(options.scale)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_display(options.size, options.scale))
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="drover-pictures-"))
        try:
            _make_pictures(Path(directory), options)
        except (AssertionError, TimeoutError) as error:
            print(error, file=sys.stderr)
            return 1
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Makes the pictures of the README from the running program.")
    parser.add_argument("--out", type=Path, default=ROOT / "resources" / "screenshots")
    parser.add_argument("--size", type=_size, default=(1280, 800), metavar="WxH")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--patience", type=float, default=300.0, metavar="SECONDS")
    return parser.parse_args()


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if match is None:
        raise argparse.ArgumentTypeError("write it as WIDTHxHEIGHT")
    return int(match[1]), int(match[2])


@contextlib.contextmanager
def _display(size: tuple[int, int], scale: float) -> Iterator[None]:
    """A screen to draw on: the one that is there, else an Xvfb for as long as the block lasts."""
    if sys.platform != "linux" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        yield
        return
    if shutil.which("Xvfb") is None:
        sys.exit("There is no display, and Xvfb is not installed.")
    screen = f"{round(size[0] * scale)}x{round(size[1] * scale)}x24"
    reader, writer = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writer), "-screen", "0", screen, "-nolisten", "tcp", "-noreset"],
        pass_fds=[writer],
        stderr=subprocess.DEVNULL,
    )
    os.close(writer)
    try:
        with os.fdopen(reader) as number:
            os.environ["DISPLAY"] = f":{number.readline().strip()}"
        os.environ["QT_QPA_PLATFORM"] = "xcb"
        yield
    finally:
        server.terminate()
        server.wait()


def _make_pictures(directory: Path, options: argparse.Namespace) -> None:
    """Drives the window as a person would, and looks at it in between."""
    import qasync
    from PySide6.QtCore import Qt
    from PySide6.QtGui import QCursor
    from PySide6.QtWidgets import QApplication
    from tests.user import User

    from drover.paths import Profile
    from drover.ui.theme import STYLED, theme

    application = QApplication(["drover", "-style", "Fusion"])
    application.setProperty(STYLED, True)
    application.setQuitOnLastWindowClosed(False)
    profile = Profile.at(directory)
    profile.create()
    options.out.mkdir(parents=True, exist_ok=True)
    loop = qasync.QEventLoop(application)
    asyncio.set_event_loop(loop)
    with contextlib.closing(loop):
        user = User(profile, loop).opens(theme_mode="light")
        window: QWidget = user.window
        window.resize(*options.size)
        window.move(0, 0)
        window.activateWindow()
        QCursor.setPos(options.size[0] // 2, options.size[1] - 2)
        user.finds("Message").setFocus(Qt.FocusReason.OtherFocusReason)
        _rest(loop, 1.0)
        _save(window, options.out / "first-light.png")
        loop.run_until_complete(_watch(user, options))
        QCursor.setPos(options.size[0] // 2, options.size[1] - 2)
        user.finds("Message").setFocus(Qt.FocusReason.OtherFocusReason)
        _rest(loop, 0.5)
        _save(window, options.out / "reasoning-light.png")
        theme().set_mode("dark")
        user.window.show_tab("Reasoning")
        _rest(loop, 0.5)
        _save(window, options.out / "reasoning-dark.png")
        user.closes()


async def _watch(user: User, options: argparse.Namespace) -> None:
    """Clicks the first example, then asks again with a seed, all in one turn of the loop.

    Between two turns of its own, qasync lets Qt go on without a running loop, which a live reply cannot bear.
    """
    from PySide6.QtWidgets import QAbstractButton

    from drover.ui.number_field import NumberField

    await _answered(user, "Watch a model think", options.patience)
    for name in ("Send reasoning_effort", "Send seed"):
        box = user.finds(name, QAbstractButton)
        if not box.isChecked():
            box.click()
    user.finds("seed", NumberField).setProperty("value", options.seed)
    await _answered(user, "Regenerate", options.patience)
    reasoning = user.finds("Reasoning", QAbstractButton)
    if not reasoning.isChecked():
        reasoning.click()
    await asyncio.sleep(0.5)


async def _answered(user: User, button: str, patience_s: float) -> None:
    """Clicks the button and waits until the reply that it asks for has begun and ended."""
    from PySide6.QtWidgets import QAbstractButton

    user.finds(button, QAbstractButton).click()
    deadline = time.monotonic() + patience_s
    has_begun = False
    while not has_begun or user.workbench.live:
        has_begun = has_begun or bool(user.workbench.live)
        if time.monotonic() > deadline:
            raise TimeoutError(f"The model did not answer within {patience_s:g} s.")
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)


def _rest(loop: asyncio.AbstractEventLoop, seconds: float) -> None:
    """Lets the window settle: what is late in coming comes, the cursor stays where it blinks."""
    loop.run_until_complete(asyncio.sleep(seconds))


def _save(window: QWidget, path: Path) -> None:
    """Writes the picture in its 256 commonest colours: a third of the bytes, the same to the eye."""
    from PySide6.QtCore import Qt
    from PySide6.QtGui import QImage

    image = window.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    counted = Counter(memoryview(image.constBits()).cast("I"))
    colors = [color for color, _ in counted.most_common(256)]
    exact = Qt.ImageConversionFlag.ThresholdDither
    _write(image.convertToFormat(QImage.Format.Format_Indexed8, colors, exact), path)
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise AssertionError(f"{path} has {size} bytes, more than {MOST_BYTES}.")
    print(f"{path}: {size // 1000} kB")


def _write(image: QImage, path: Path) -> None:
    from PySide6.QtGui import QImageWriter

    writer = QImageWriter(str(path), b"png")
    writer.setCompression(100)
    if not writer.write(image):
        raise AssertionError(f"{path} cannot be written: {writer.errorString()}")


if __name__ == "__main__":
    sys.exit(main())
