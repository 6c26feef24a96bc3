"""The share of cells in which a target comes first."""

from __future__ import annotations

import numpy as np
import pytest
from extraction_models import GENES, TFS, build, cells

from helpers.extraction import order_share


@pytest.fixture(scope="module")
def ranked(tmp_path_factory):
    return build("geneformer-v1", tmp_path_factory.mktemp("ranked"))


def test_order_share_is_the_share_of_cells_in_which_the_target_comes_first(ranked):
    tokens = ranked.tokenise(cells(9))
    found = order_share(tokens, sources=TFS, genes=GENES)
    for a, source in enumerate(TFS):
        for b, target in enumerate(GENES):
            places = [
                (list(c).index(GENES.index(source)), list(c).index(GENES.index(target)))
                for c in tokens.genes
                if GENES.index(source) in c and GENES.index(target) in c
            ]
            assert int(found["count"][a, b]) == len(places)
            assert float(found["sum"][a, b]) == sum(j < i for i, j in places)
    both = found.sel(target=TFS)
    mirrored = both["sum"].values + both["sum"].values.T
    np.testing.assert_array_equal(
        mirrored[~np.eye(5, dtype=bool)], both["count"].values[~np.eye(5, dtype=bool)]
    )
