"""Take the README's pictures anew.

``python tests/book/screenshot.py`` takes a page of the built book, and
``python tests/book/screenshot.py card.html`` the top of a card of ``helpers audit``.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from conftest import HTML, ROOT, Browser, start
from PIL import Image

PAGE = "pages/01_data.html"
WIDTH = 960
COLOURS = 128


def page() -> None:
    """Save a small picture of the page at its first figure."""
    assert HTML.is_dir(), "build the book first: make book"
    browser = start(Path(tempfile.mkdtemp()))
    browser.driver.set_window_size(1280, 860)
    browser.open(PAGE)
    browser.theme("light")
    browser.run(
        "document.querySelector('figure img')"
        ".scrollIntoView({block: 'center', behavior: 'instant'})"
    )
    save(browser, "screenshot")


def card(path: Path) -> None:
    """Save a small picture of the top of a card."""
    browser = start(Path(tempfile.mkdtemp()))
    browser.driver.set_window_size(1000, 900)
    browser.driver.get(path.resolve().as_uri())
    save(browser, "card")


def save(browser: Browser, name: str) -> None:
    """Save what the browser shows among the book's pictures, and close it."""
    picture = Image.open(io.BytesIO(browser.driver.get_screenshot_as_png())).convert("RGB")
    browser.driver.quit()
    size = (WIDTH, WIDTH * picture.height // picture.width)
    small = picture.resize(size, Image.Resampling.LANCZOS).quantize(COLOURS)
    small.save(ROOT / "book" / "_static" / f"{name}.png", optimize=True)


if __name__ == "__main__":
    card(Path(sys.argv[1])) if len(sys.argv) > 1 else page()
