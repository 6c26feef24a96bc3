"""Two species under one set of names."""

import anndata as ad
import numpy as np
import pytest
from scipy import sparse

from helpers.datasets.orthologs import ortholog_table, two_species
from helpers.errors import DataError


def cells(names):
    counts = sparse.csr_matrix(np.random.default_rng(0).poisson(1.0, (6, len(names))))
    made = ad.AnnData(counts.astype(np.float32), layers={"counts": counts})
    made.var_names = names
    return made


def table(tmp_path, text):
    path = tmp_path / "pairs.csv"
    path.write_text(text)
    return ortholog_table(str(path))


def test_genes_meet_under_the_names_of_the_first(tmp_path):
    pairs = table(tmp_path, "human,mouse\nINS,Ins2\nGCG,Gcg\nSST,Sst\n")
    one, other = two_species(cells(["SST", "INS", "ACTB"]), cells(["Ins2", "Sst", "Xist"]), pairs)
    assert list(one.var_names) == list(other.var_names) == ["INS", "SST"]
    assert list(other.var["as_in_file"]) == ["Ins2", "Sst"]


def test_a_gene_that_stands_twice_is_refused_by_name(tmp_path):
    with pytest.raises(DataError, match=r"one to one.*INS"):
        table(tmp_path, "human,mouse\nINS,Ins1\nINS,Ins2\n")
    with pytest.raises(DataError, match="two columns"):
        table(tmp_path, "human\nINS\n")
    with pytest.raises(DataError, match="no file"):
        ortholog_table(str(tmp_path / "absent.csv"))


def test_one_species_twice_is_refused(tmp_path):
    pairs = table(tmp_path, "a,b\nINS,INS\nGCG,GCG\n")
    with pytest.raises(DataError, match="one species"):
        two_species(cells(["INS", "GCG"]), cells(["INS", "GCG", "SST"]), pairs)
    with pytest.raises(DataError, match="none of 2"):
        two_species(cells(["TTR", "ACTB"]), cells(["Ttr", "Actb"]), pairs)
