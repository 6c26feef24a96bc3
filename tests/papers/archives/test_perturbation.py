"""The archived pairs of model and measured effects, from a folder of the same layout."""

import pandas as pd
import pytest

from papers.archives.locate import from_folder
from papers.archives.perturbation import FILES, KINDS, read_pairs


def test_every_file_becomes_a_screen_and_an_intervention(tmp_path):
    for k, name in enumerate(FILES):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        table = {"source": ["A"], "target": ["B"], "effect_mean": [k], "delta": [0.5]}
        pd.DataFrame(table).to_csv(path, sep="\t", index=False)
    found = read_pairs(from_folder(tmp_path))
    assert len(found) == len(FILES) == 8
    assert set(found["intervention"]) == set(KINDS)
    at = found.set_index(["screen", "intervention"])["effect_mean"]
    assert at["Dixit, 13 days", "swap"] == 1
    assert at["Shifrut", "ablation"] == pytest.approx(6)
