"""The built book in a browser that has never been anywhere else."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

from bookkit import assets

ROOT = Path(__file__).resolve().parents[2]
HTML = Path(os.environ.get("HELPERS_BOOK_HTML") or ROOT / "_build" / "html")
ARTEFACTS = ROOT / "test-artefacts"
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,1600",
)
WAIT = 90
DRAWN = "requestAnimationFrame(() => requestAnimationFrame(arguments[arguments.length - 1]))"


def built_pages() -> list[str]:
    """Paths of the pages below the HTML folder, the longest first."""
    found = {p.relative_to(HTML) for p in HTML.rglob("*.html")}
    source = {p for p in found if "_modules" in p.parts}
    # Pages of source code are made alike; the longest stands for all.
    sample = sorted(source, key=lambda p: (HTML / p).stat().st_size)[-1:]
    kept = {p for p in found - source if "_static" not in p.parts} | set(sample)
    return [p.as_posix() for p in sorted(kept, key=lambda p: (-(HTML / p).stat().st_size, p))]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "built_page" in metafunc.fixturenames:
        # What is looked at on one page stays in one worker, one after the other.
        pages = [pytest.param(p, marks=pytest.mark.xdist_group(p)) for p in built_pages()]
        metafunc.parametrize("built_page", pages or ["no page"], scope="module")


@dataclass
class Browser:
    """A driver, and what it noticed since the last page was opened."""

    driver: webdriver.Chrome
    html: Path
    size: tuple[int, int] | None = None

    def resize(self, size: tuple[int, int] | None = None) -> None:
        """Give the window a size, on a telephone with touch; by default its own."""
        if size == self.size:
            return
        self.size = size
        if size is None:
            self.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
            return
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.driver.execute_async_script(DRAWN)

    def open(self, page: str, query: str = "", size: tuple[int, int] | None = None) -> None:
        if size != self.size:  # or a page that nobody looks at any more is laid out again
            self.driver.get("about:blank")
            self.resize(size)
        self.driver.get_log("browser")
        self.driver.get_log("performance")
        self.driver.get((HTML / page).as_uri() + query)
        self.until("document.readyState === 'complete'")
        self.until(
            "!window.MathJax || !MathJax.startup || !MathJax.startup.promise || window.mathsDone"
            " || (MathJax.startup.promise.then(() => window.mathsDone = true), false)"
        )

    def until(self, condition: str, *arguments) -> None:
        waiting = WebDriverWait(self.driver, WAIT, poll_frequency=0.1)
        script = f"return {condition}"
        waiting.until(lambda driver: driver.execute_script(script, *arguments), condition)

    def run(self, script: str, *arguments):
        return self.driver.execute_script(script, *arguments)

    def errors(self) -> list[str]:
        """Errors of the console."""
        log = self.driver.get_log("browser")
        return [entry["message"] for entry in log if entry["level"] == "SEVERE"]

    def requests(self) -> tuple[list[str], list[str]]:
        """Requests beyond this machine, and requests that failed."""
        beyond, failed = [], []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            about = message["params"]
            if message["method"] == "Network.requestWillBeSent":
                url = about["request"]["url"]
                if urlsplit(url).scheme not in ("file", "data", "blob", "about"):
                    beyond.append(url)
            elif message["method"] == "Network.loadingFailed" and not about.get("canceled"):
                failed.append(about["errorText"])
            elif (
                message["method"] == "Network.responseReceived"
                and about["response"]["status"] >= 400
            ):
                failed.append(about["response"]["url"])
        return beyond, failed

    def theme(self, name: str) -> None:
        self.run(
            "document.documentElement.dataset.mode = document.documentElement.dataset.theme ="
            " arguments[0]",
            name,
        )
        # Colours fade from one theme to the other: what counts is where they end.
        self.run("document.getAnimations().forEach(fading => fading.finish())")

    def screenshot(self, name: str) -> Path:
        ARTEFACTS.mkdir(exist_ok=True)
        path = ARTEFACTS / f"{name}.png"
        self.driver.save_screenshot(str(path))
        return path


def start(profile: Path) -> Browser:
    """Start Chromium with an empty profile; skip where it is not installed."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("no Chromium; install it: apt-get install chromium chromium-driver")
    options = Options()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options=options, service=Service(driver))
    started.get("about:blank")
    return Browser(started, HTML)


@pytest.fixture(scope="session")
def book_html() -> Path:
    """The built book; skips where there is none."""
    if not (HTML / "index.html").is_file():
        pytest.skip(f"no book at {HTML}; build it: make book")
    return HTML


@pytest.fixture(scope="session")
def start_browser():
    """The function that starts a browser of one's own, for what is not a page of the book."""
    return start


@pytest.fixture(scope="session")
def browser(book_html: Path, tmp_path_factory: pytest.TempPathFactory):
    """A browser with an empty profile."""
    started = start(tmp_path_factory.mktemp("chromium"))
    yield started
    started.driver.quit()


@pytest.fixture(scope="session")
def axe_script() -> str:
    """The code of axe-core."""
    return assets.axe()
