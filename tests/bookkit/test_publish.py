"""What happens to an executed notebook before it becomes a page."""

import ast
from copy import deepcopy

from nbformat.v4 import new_code_cell, new_notebook, new_output

from bookkit.publish import needs_archive, tidy, with_values


def figure(name):
    return new_output(
        "display_data",
        data={"image/png": "aGk="},
        metadata={
            "helpers": {
                "name": name,
                "caption": f"C {name}",
                "alt": f"A {name}",
                "narrowest": 560,
            }
        },
    )


def text(words):
    return new_output("display_data", data={"text/markdown": words})


def test_every_figure_gets_a_cell_with_caption_and_alt():
    cell = new_code_cell(
        "code", outputs=[text("before"), figure("a_1"), figure("b"), text("after"), text("last")]
    )
    cell["metadata"]["tags"] = ["hide-output"]
    notebook = tidy(new_notebook(cells=[cell]), "10_x", {})
    parts = [[o.data for o in c.outputs] for c in notebook.cells]
    assert [len(part) for part in parts] == [1, 1, 1, 2]
    shown = [c.metadata.get("mystnb") for c in notebook.cells]
    assert shown[1] == {
        "image": {"alt": "A a_1", "classes": "narrowest-560"},
        "figure": {"caption": "C a_1", "name": "fig-10-x-a-1"},
    }
    assert shown[2]["image"]["alt"] == "A b" and shown[0] is None and shown[3] is None
    assert notebook.cells[0].source == "code"
    assert all(c.source.startswith("#") for c in notebook.cells[1:]), "the book drops empty cells"
    assert notebook.cells[3].metadata.tags == ["hide-output", "remove-input"]


def test_parameters_show_the_values_of_the_run():
    source = 'seed: int = 0  # [0, 9] s\nö: list[str] = [\n    "a",\n]  # what\nn: int = 5'
    shown = with_values(source, {"seed": 0, "ö": ["b", "ö"], "n": 6})
    assert shown == "seed: int = 0  # [0, 9] s\nö: list[str] = ['b', 'ö']  # what\nn: int = 6"
    ast.parse(shown)


def test_papermill_leaves_no_trace():
    cells = [
        new_code_cell("n: int = 1", metadata={"tags": ["parameters"], "papermill": {"x": 1}}),
        new_code_cell("n = 2", metadata={"tags": ["injected-parameters"]}),
    ]
    notebook = new_notebook(cells=cells)
    notebook.metadata["papermill"] = {"x": 1}
    clean = tidy(notebook, "10_x", {"n": 2})
    assert [c.source for c in clean.cells] == ["n: int = 2"]
    assert "papermill" not in clean.metadata and "papermill" not in clean.cells[0].metadata
    assert clean.cells[0].id == "cell-0"


def test_standard_error_stays_in_the_log():
    outputs = [
        new_output("stream", name="stderr", text="/home/somebody/warns"),
        new_output("stream", name="stdout", text="kept"),
    ]
    clean = tidy(new_notebook(cells=[new_code_cell("code", outputs=outputs)]), "10_x", {})
    assert [o.text for o in clean.cells[0].outputs] == ["kept"]


GUARDED = "archive = run.archive(A, *FILES)\nif archive:\n    run.compare('a/b', read(archive))"


def test_code_of_an_absent_archive_is_left_out_but_what_it_said_stays():
    cells = [
        new_code_cell("if archive:\n    x = 1"),
        new_code_cell(GUARDED, outputs=[text("not here")]),
        new_code_cell("if archive:\n    x = 1\nelse:\n    x = 2"),
        new_code_cell("x = 1"),
    ]
    kept = tidy(new_notebook(cells=deepcopy(cells)), "10_x", {}, archived=False)
    assert [c.source for c in kept.cells] == [c.source for c in cells[1:]]
    assert kept.cells[0].metadata.tags == ["remove-input"]
    whole = tidy(new_notebook(cells=deepcopy(cells)), "10_x", {}, archived=True)
    assert [c.source for c in whole.cells] == [c.source for c in cells]
    assert not any("remove-input" in c.metadata.get("tags", []) for c in whole.cells)


def test_only_whole_cells_need_an_archive():
    assert needs_archive(GUARDED)
    assert not needs_archive("archive = run.archive(A, *FILES)")
    assert not needs_archive("x = 1\nif archive:\n    y = 2")
    assert not needs_archive("if not archive:\n    y = 2")
    assert not needs_archive("%matplotlib inline\n!ls")
