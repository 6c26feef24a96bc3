"""Runs of one result wait for nobody and mix with nobody; what killed ones left goes."""

import multiprocessing
import os
import tempfile
from pathlib import Path

import pytest

from bookkit import holding
from helpers.errors import RunError

NEW = multiprocessing.get_context("spawn")


def hold(folder, ready, until):
    with holding.held(Path(folder)):
        ready.set()
        until.wait(60)


@pytest.fixture
def other(results):
    """Another process that holds the result of a page."""
    ready, until = NEW.Event(), NEW.Event()
    one = NEW.Process(target=hold, args=(str(results / "demo" / "10_x"), ready, until))
    one.start()
    assert ready.wait(60)
    yield one
    one.kill()
    one.join()


def test_a_second_run_is_refused_until_the_first_one_ends_however(results, other):
    folder = results / "demo" / "10_x"
    with pytest.raises(RunError, match=rf"10_x is being run .* by process {other.pid} on .*--into"):
        with holding.held(folder):
            pass
    for free in (folder.with_name("11_x"), results / "custom" / "10_x"):
        with holding.held(free):
            pass
    other.kill()
    other.join()
    with holding.held(folder):
        held_by = (folder.parent / holding.LOCKS / "10_x").read_text()
    assert held_by.startswith(f"process {os.getpid()} on ")


def left_by(folder, results):
    """What a run leaves that is killed while it publishes: three folders."""
    aside = Path(tempfile.mkdtemp(prefix=holding.aside_of(folder), dir=results))
    (aside / folder.name).mkdir()
    sockets = Path(tempfile.mkdtemp(prefix=holding.KERNEL))
    (aside / holding.SOCKETS).write_text(str(sockets))
    folder.parent.mkdir(exist_ok=True)
    return aside, sockets, Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))


def test_what_a_killed_run_left_goes_at_the_next_start_of_that_page(results, other):
    folders = [results / p / n for p in ("demo", "custom") for n in ("10_x", "10_x_y")]
    left = {folder: left_by(folder, results) for folder in folders}
    (folders[0].parent / ".stamps").mkdir()
    with pytest.raises(RunError), holding.held(folders[0]):  # a living process holds this one
        pass
    assert all(path.is_dir() for paths in left.values() for path in paths)
    other.kill()
    other.join()
    for k, folder in enumerate(folders, start=1):
        with holding.held(folder):
            gone = {one: not any(path.exists() for path in left[one]) for one in folders}
            assert gone == {one: n < k for n, one in enumerate(folders)}
    assert (folders[0].parent / ".stamps").is_dir()


def test_a_file_of_a_killed_run_names_nothing_else_to_be_removed(results, tmp_path):
    folder, mine = results / "demo" / "10_x", tmp_path / "kernel-mine"
    mine.mkdir()
    results.mkdir()
    aside, sockets, _ = left_by(folder, results)
    (aside / holding.SOCKETS).write_text(str(mine))
    with holding.held(folder):
        assert mine.is_dir() and not aside.exists()
    sockets.rmdir()
