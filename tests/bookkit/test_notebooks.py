"""Which pages may read the results of which."""

from __future__ import annotations

import jupytext
import pytest

from bookkit import notebooks
from helpers.errors import RunError

CELLS = """\
---
kernelspec: {name: python3, display_name: Python}
---

# Title

````{exercise} Not a cell
```{code-cell} ipython3
inside = 1
```
````

```python
no_cell = 1
```

```{code-cell} ipython3
:tags: [parameters]
:label: x

seed: int = 0  # [0, 1] seed


```

~~~{code-cell} ipython3
---
tags: [hide-input]
other: {a: 1}
---

text = "``` is no end here"
```
~~~

- in a list:

  ````{code-cell}

  ````

`````{code-cell} ipython3

a = '''
````
:no: option
'''
`````

```{code-cell} ipython3
```

"""


def cells_of(notebook) -> list:
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return [(cell["source"], dict(cell["metadata"])) for cell in cells]


@pytest.mark.parametrize("name", notebooks.names())
def test_code_is_read_as_jupytext_reads_it(name):
    assert cells_of(notebooks.code(name)) == cells_of(notebooks.load(name))


def test_strange_cells_are_read_as_jupytext_reads_them(tmp_path, monkeypatch):
    monkeypatch.setenv("HELPERS_NOTEBOOKS_DIR", str(tmp_path))
    (tmp_path / "00_x.md").write_text(CELLS)
    found = cells_of(notebooks.code("00_x"))
    assert found == cells_of(jupytext.reads(CELLS, fmt="md:myst"))
    assert [metadata.get("tags") for _, metadata in found][:2] == [["parameters"], ["hide-input"]]
    (tmp_path / "00_x.md").write_text("```{code-cell}\n:tags: [a\n```\n")
    with pytest.raises(RunError, match=r"00_x\.md: the options of a cell are no YAML"):
        notebooks.code("00_x")


def test_a_page_reads_those_before_it_and_nobody_reads_in_a_circle():
    names = notebooks.names()
    earlier = {name: set(notebooks.upstream(name, names)) for name in names}
    assert {name for name, found in earlier.items() if found} == {
        "90_test_registry",
        "91_claim_ledger",
        "94_claim_to_evidence",
    }
    for name, found in earlier.items():
        assert name not in found
        assert all(name not in earlier[other] for other in found), "each would wait for the other"
        assert all(earlier[other] <= found for other in found), "it runs after what those read"
    # The registry holds the tests of page 93 in a first build as in any later one.
    assert {"10_coexpression", "93_outside_evidence"} <= earlier["90_test_registry"]
    assert "90_test_registry" in earlier["91_claim_ledger"]


def test_a_page_without_the_call_reads_nobody(tmp_path, monkeypatch, root):
    source = root / "tests" / "fixture_book" / "notebooks"
    monkeypatch.setenv("HELPERS_NOTEBOOKS_DIR", str(tmp_path))
    for path in source.glob("*.md"):
        (tmp_path / path.name).write_text(path.read_text())
    assert notebooks.upstream("90_last") == ["00_first", "01_second"]
    text = (source / "90_last.md").read_text().replace("run.earlier", "[]")
    (tmp_path / "95_aside.md").write_text(text)
    assert notebooks.upstream("95_aside") == []
    assert notebooks.upstream("90_last") == ["00_first", "01_second", "95_aside"]
