"""Assembled sets: hyphens, slots, and values that are refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from helpers.datasets import assemble
from helpers.datasets import identifiers as ids
from helpers.errors import DataError


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> None:
    """A human annotation of five genes."""
    rows = pd.DataFrame(
        {
            "Chromosome": ["CHR_ALT", "20", "8", "14", "1"],
            "gene_name": ["NKX2-2", "NKX2-2", "MYC", "NKX2-1", "OLDER"],
            "gene_biotype": "protein_coding",
            "Source": "ensembl_havana",
            "Approved symbol": ["NKX2-2", "NKX2-2", "MYC", "NKX2-1", "NEWER"],
            "Previous symbols": ["", None, "BHLHE39-OLD, SHARED", "SHARED, T-EBP", None],
        },
        index=["ENSG1", "ENSG2", "ENSG3", "ENSG4", "ENSG5"],
    )
    functions = (ids.gene_table, ids.known_symbols, ids.previous_symbols, ids._ensembl_by_symbol)
    for one in functions:
        one.cache_clear()
    monkeypatch.setattr(ids, "_annotation", lambda build: rows)
    yield
    for one in functions:
        one.cache_clear()


def test_hyphens_come_back_only_where_that_makes_a_symbol(table):
    names = np.array(["NKX2.2", "MYC", "BHLHE39.OLD", "RP11.34P13.7", "A-B"], dtype=object)
    mended, report = assemble.mend_hyphens(names, "human")
    assert mended.tolist() == ["NKX2-2", "MYC", "BHLHE39-OLD", "RP11.34P13.7", "A-B"]
    assert report == {"dotted_names": 3, "hyphens_restored": 2}
    both = np.array(["NKX2.2", "NKX2-2"], dtype=object)
    assert assemble.mend_hyphens(both, "human")[0].tolist() == ["NKX2.2", "NKX2-2"]


def test_assembled_sets_have_the_agreed_slots_and_bad_values_are_refused(table):
    obs = pd.DataFrame({"donor": ["d1", "d2"]}, index=["c1", "c2"])
    counts = np.array([[1, 0], [2, 3]])
    made = assemble.assemble("baron-human", counts, np.array(["MYC", "MYC"]), obs)
    assert sparse.issparse(made.X) and made.X.dtype == np.float32
    np.testing.assert_array_equal(made.layers["counts"].toarray(), counts)
    assert made.var_names.tolist() == ["MYC", "MYC-1"]
    assert made.var["ensembl_id"].tolist() == ["ENSG3", "ENSG3"]
    assert made.uns["source"]["licence"] == "MIT" and made.uns["source"]["organism"] == "human"
    with pytest.raises(DataError, match="not whole numbers"):
        assemble.assemble("baron-human", counts + 0.5, np.array(["MYC", "MYC"]), obs)
    for bad in (-1.0, np.nan, np.inf):
        with pytest.raises(DataError, match="negative or not finite"):
            assemble.assemble(
                "baron-human", counts + bad, np.array(["MYC", "A"]), obs, values="log"
            )
