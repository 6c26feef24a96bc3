"""Take the README's picture anew from the built book: ``python tests/book/screenshot.py``."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

from conftest import HTML, ROOT, start
from PIL import Image

PAGE = "pages/01_data.html"
WIDTH = 960
COLOURS = 128


def main() -> None:
    """Open the page at its first figure and save a small picture."""
    browser = start(Path(tempfile.mkdtemp()))
    browser.driver.set_window_size(1280, 860)
    browser.open(PAGE)
    browser.theme("light")
    browser.run(
        "document.querySelector('figure img')"
        ".scrollIntoView({block: 'center', behavior: 'instant'})"
    )
    picture = Image.open(io.BytesIO(browser.driver.get_screenshot_as_png())).convert("RGB")
    browser.driver.quit()
    size = (WIDTH, WIDTH * picture.height // picture.width)
    small = picture.resize(size, Image.Resampling.LANCZOS).quantize(COLOURS)
    small.save(ROOT / "book" / "_static" / "screenshot.png", optimize=True)


if __name__ == "__main__":
    assert HTML.is_dir(), "build the book first: make book"
    main()
