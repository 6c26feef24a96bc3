"""The notebook's side of the runner, without a kernel."""

import json

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from bookkit import page, show
from bookkit.recording import Page
from helpers.errors import RegistryError, RunError
from helpers.estimates import NotEstimable
from helpers.registry import TestRecord, read


def record(number="10.1/a", notebook="10_x"):
    return TestRecord(
        test_id=number,
        notebook=notebook,
        hypothesis="h",
        statistic="s",
        test="t",
        null="n",
        unit="seed",
        n_units=3,
        family="F10",
        role="descriptive",
    )


@pytest.fixture
def run(results):
    return page("10_x", declares=("10.1",))


def test_everything_is_written(run, results, capsys):
    run.value("a/b", 1.5)
    run.value("c", NotEstimable("why"))
    run.test(record())
    run.figure(plt.figure(), "one", caption="A caption", alt="Nothing drawn")
    run.table(pd.DataFrame({"x": [1.23456]}, index=["row"]), "numbers", caption="Numbers")
    run.finish()
    folder = results / "interactive" / "10_x"
    assert run.folder == folder
    values = json.loads((folder / "values.json").read_text())
    assert values == {"a/b": {"value": 1.5}, "c": {"not_estimable": "why"}}
    assert [r.test_id for r in read(folder / "tests.jsonl")] == ["10.1/a"]
    assert (folder / "figures" / "one.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "tables" / "numbers.csv").read_text() == ",x\nrow,1.23456\n"
    about = json.loads((folder / "run.json").read_text())
    assert about["values"] == 2 and about["tests"] == 1 and about["peak_memory_mb"] > 10


def test_figures_are_the_same_bytes_each_time(run):
    folder, pictures = run.folder / "figures", []
    for _ in range(2):
        figure, axes = plt.subplots()
        axes.plot([1, 2])
        show.show_figure(figure, folder / "one", caption="c", alt="a")
        pictures.append([(folder / f"one.{kind}").read_bytes() for kind in ("png", "svg")])
    assert pictures[0] == pictures[1]


def test_text_of_a_figure_stays_legible_where_it_is_shown_small(run):
    figure, axes = plt.subplots(figsize=(5, 3))
    axes.text(0, 0, "small", fontsize=6)
    assert show._narrowest(figure) == 640  # 480 px at 6 pt: 8 pt where it is 640 px wide
    plt.close(figure)


def test_what_has_many_points_becomes_pixels(run):
    figure, (few, many) = plt.subplots(1, 2)
    few.scatter(range(10), range(10))
    many.scatter(range(5000), range(5000))
    run.figure(figure, "points", caption="c", alt="a")
    drawing = (run.folder / "figures" / "points.svg").read_text()
    assert drawing.count("<image") == 1 and len(drawing) < 200_000


def test_a_declared_test_must_be_recorded(run):
    with pytest.raises(RunError, match=r"10\.1"):
        run.finish()
    assert not (run.folder / "run.json").exists()


def test_wrong_records_are_refused(run):
    with pytest.raises(RunError, match="not declared"):
        run.test(record("10.2/a"))
    with pytest.raises(RunError, match="notebook"):
        run.test(record("10.1/a", "10_y"))
    run.test(record())
    with pytest.raises(RegistryError):
        run.test(record())


def test_names_are_used_once_and_need_words(run):
    run.value("k", 1)
    run.table(pd.DataFrame({"x": [1]}), "t", caption="c")
    with pytest.raises(RunError, match="twice"):
        run.value("k", 1)
    with pytest.raises(RunError, match="named"):
        run.table(pd.DataFrame({"x": [1]}), "t", caption="c")
    with pytest.raises(RunError, match="alternative"):
        run.figure(plt.figure(), "f", caption="c", alt=" ")
    with pytest.raises(RunError, match="caption"):
        run.table(pd.DataFrame({"x": [1]}), "u", caption="")
    with pytest.raises(RunError, match="name"):
        run.table(pd.DataFrame({"x": [1]}), "../u", caption="c")
    with pytest.raises(RunError, match="matplotlib"):
        run.figure("no figure", "g", caption="c", alt="a")


def test_a_session_starts_empty(run, results):
    run.test(record())
    again = page("10_x", declares=("10.1",))
    again.test(record())
    again.finish()
    with pytest.raises(RunError, match="twice"):
        again.finish()


def test_the_runner_decides_the_name(run, tmp_path, monkeypatch):
    context = tmp_path / "context.json"
    context.write_text(json.dumps({"notebook": "11_other", "folder": str(tmp_path)}))
    monkeypatch.setenv("HELPERS_RUN_CONTEXT", str(context))
    with pytest.raises(RunError, match="11_other"):
        page("10_x")


def test_results_of_a_page_that_runs_later_are_refused(tmp_path, results, monkeypatch):
    """They are there in a second build only: numbers would depend on how often a book was built."""
    page_dir = results / "demo"
    for name in ("10_coexpression", "94_claim_to_evidence"):
        (page_dir / name).mkdir(parents=True)
        (page_dir / name / "values.json").write_text("{}")
    context = {"base_profile": "demo", "profile": "demo", "parameters": {}}
    for name, refused in (("10_coexpression", False), ("94_claim_to_evidence", True)):
        run = Page("90_test_registry", tmp_path / "own", context | {"watched": [str(results)]})
        (page_dir / name / "values.json").read_text()
        assert run._later(run._watch.files()) == ([name] if refused else [])
