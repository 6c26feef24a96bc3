"""Do work in forked children, whose numbers are printed so that a test may kill them.

``python killed_worker.py KIND FOLDER`` imports what the work needs once; each line that it is then
given is an argument of one more piece of work, in a child of its own.
"""

import os
import sys
from pathlib import Path


def extraction(folder: Path):
    from extraction_models import cells

    from helpers.cli import app
    from helpers.extraction import planned

    made = cells(24)
    planned.load = lambda name: made
    about = ["--cells", "held", "--min-count", "1", "--shards", "6"]

    def work(out: str) -> None:
        app(["extract", f"scgpt:{folder / 'model'}", *about, "--out", out])

    return work


def page(folder: Path):
    from bookkit import runner

    def work(into: str) -> None:
        runner.run("00_first", "demo", {}, into, force=True)

    return work


def fetch(folder: Path):
    import hashlib

    from helpers.datasets.catalogue import Artefact
    from helpers.datasets.fetch import fetch as bring

    content = (folder / "served").read_bytes()
    stated = {"name": "thing", "version": "1", "kind": "url", "path": "owner/file.bin"}
    stated |= {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    artefact = Artefact(**stated, source=os.environ["SOURCE"])

    def work(cache: str) -> None:
        os.environ["HELPERS_DATA_DIR"] = cache
        bring(artefact)

    return work


def book(folder: Path):
    from bookkit import api, assets, staging

    shared = api.pages()  # what takes long, once
    api.pages = lambda: shared
    assets.bring_all = lambda root: None
    staging.CARDS = {}

    def work(root: str) -> None:
        staging.stage(Path(root), "demo")

    return work


def say(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    kind, folder = sys.argv[1:]
    work = globals()[kind](Path(folder))
    say("ready")
    for line in sys.stdin:
        if not (child := os.fork()):
            os.dup2(os.open("/dev/null", os.O_WRONLY), 1)
            try:
                work(line.strip())
            except SystemExit as end:
                os._exit(end.code if isinstance(end.code, int) else int(bool(end.code)))
            os._exit(0)
        say(child)
        say(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
