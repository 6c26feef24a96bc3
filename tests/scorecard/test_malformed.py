"""What users give by mistake: one clear error each, or a named reason why nothing is estimable."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scorecard_kit import drawn

from helpers import score_edges
from helpers.errors import HelpersError
from helpers.scorecard.verdict import CHANCE, MEANING

FEWEST = {"permutations": 99, "rewired": 99}
GENES = [f"G{i:02d}" for i in range(30)]
NETWORK = pd.DataFrame({"source": np.repeat(GENES[:6], 5), "target": (GENES[6:] * 2)[:30]})


def good(**changes) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    pairs = [(a, b) for a in GENES[:6] for b in GENES if a != b]
    table = pd.DataFrame(pairs, columns=["TF", "target"])
    return table.assign(importance=rng.random(len(table)), **changes)


def text(table: pd.DataFrame, sep: str = ",", **how) -> bytes:
    return table.to_csv(sep=sep, index=False, **how).encode()


def spoiled(value: object, column: str = "importance") -> pd.DataFrame:
    table = good().astype({column: object})
    table.loc[3, column] = value
    return table


def matrix(**changes) -> pd.DataFrame:
    values = np.random.default_rng(0).random((30, 30))
    return pd.DataFrame(values, GENES, GENES)


TAG = "<script>alert(1)</script>"
P = good().rename(columns={"importance": "pvalue"})

# what the file of edges holds -> what the error says
FILES = {
    "empty file": (b"", "empty"),
    "blank lines": (b"\n\n\n", "empty"),
    "header only": (b"TF,target,importance\n", "no rows"),
    "no delimiter": (b"TF target importance\nA B 1\n", "holds no comma"),
    "bars as delimiter": (text(good(), "|"), "holds no comma"),
    "no score": (text(good()[["TF", "target"]]), "no column of scores"),
    "only p values": (text(P), "small where an edge is strong"),
    "only ranks": (text(P.rename(columns={"pvalue": "rank"})), "small where an edge is strong"),
    "no source": (text(good()[["target", "importance"]]), "no column for source"),
    "no target": (text(good()[["TF", "importance"]]), "no column for target"),
    "unknown headings": (b"a,b,c\nx,y,z\n", "no column for source and target"),
    "one row of numbers": (b"1,2,3\n4,5,6\n", "no column|share no name"),
    "infinite": (text(spoiled(np.inf)), "finite"),
    "minus infinite": (text(spoiled(-np.inf)), "finite"),
    "overflowing": (text(spoiled("1e999")), "finite"),
    "words as scores": (text(spoiled("high")), "'high' in row 4"),
    "decimal commas": (text(good(), ";", decimal=","), "decimal point"),
    "units in scores": (text(spoiled("0.3 bits")), "no finite numbers"),
    "HTML as a score": (text(spoiled(TAG)), "no finite numbers"),
    "all NaN": (text(good().assign(importance=np.nan)), "no pair has a score"),
    "all equal": (text(good().assign(importance=1)), "every score is 1"),
    "all zero": (text(good().assign(importance=0)), "every score is 0"),
    "all negative": (text(good().assign(importance=-good()["importance"])), "--signed"),
    "self pairs only": (text(good().assign(target=good()["TF"])), "no pair has a score"),
    "no names": (text(good().assign(TF="")), "no pair has a score"),
    "names NA": (text(good().assign(target="NA")), "no pair has a score"),
    "huge name": (text(spoiled("G" * 100_000, "TF")), "100000 characters"),
    "control characters": (text(spoiled("G\x07", "TF")), "no name of a gene"),
    "a line break in a name": (text(spoiled("G\n1", "TF")), "no name of a gene"),
    "Latin-1": ("TF,target,importance\nG\xe9,B,1\n".encode("latin-1"), "UTF-8"),
    "UTF-16": (text(good()).decode().encode("utf-16"), "UTF-8"),
    "binary": (bytes(range(128, 256)) * 9, "UTF-8"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "UTF-8"),
    "too many fields": (b"TF,target,importance\nA,B,1\nA,C,2,3,4\n", "table|ranked"),
    "an open quote": (b'TF,target,importance\n"A,B,1\nA,C,2\n', "table|rows"),
    "matrix without shared names": (b"g,a,b\nx,1,2\ny,3,4\n", "share no name"),
    "matrix with a row twice": (b"g,a,b\na,1,2\na,3,4\n", "stands twice"),
    "matrix of words": (b"g,a,b\na,x,y\nb,z,w\n", "no column"),
    "matrix with infinity": (b"g,a,b\na,1,inf\nb,2,3\n", "finite"),
}

# a table of edges, a network -> the reason why nothing is estimable
REASONS = {
    "no overlap": (good().assign(TF="X1"), NETWORK, "no TF is in both"),
    "other case": (good().assign(TF=good()["TF"].str.lower()), NETWORK, "upper and lower case"),
    "Ensembl ids": (good().assign(TF="ENSG00000136997"), NETWORK, "Ensembl"),
    "turned round": (
        good().set_axis(["target", "TF", "importance"], axis=1).query("TF > 'G05'"),
        NETWORK,
        "transpose",
    ),
    "one TF": (good().query("TF == 'G00'"), NETWORK, "1 TFs"),
    "two TFs": (good().query("TF < 'G02'"), NETWORK, "2 TFs"),
    "all positive": (good(), good()[["TF", "target"]], "no negatives"),
    "no positive": (good(), NETWORK.assign(target="Z1"), "no positives"),
    "positives without a score": (
        good().assign(importance=good()["importance"].where(good()["target"] < "G06")),
        NETWORK,
        "no positives",
    ),
    "one positive": (good(), NETWORK.head(1), "1 TFs and 1 targets"),
    "one target": (good(), NETWORK.assign(target="G29").drop_duplicates(), "1 targets"),
    "network of numbers": (good(), NETWORK.assign(source="7"), "no TF is in both"),
}

CELLS = {
    "log values": (lambda a: a.X.log1p(), "transformed values"),
    "negative counts": (lambda a: -a.X, "transformed values"),
    "scaled": (lambda a: sparse.csr_matrix(a.X.toarray() - 0.5), "transformed values"),
    "NaN in counts": (lambda a: a.X * np.nan, "NaN"),
}


@pytest.fixture
def path(tmp_path):
    def write(content: bytes, name: str = "edges.csv"):
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return write


@pytest.mark.parametrize("case", FILES)
def test_files_that_cannot_be_ranked(path, case):
    content, words = FILES[case]
    with pytest.raises(HelpersError, match=words) as caught:
        score_edges(path(content), references={"net": NETWORK}, **FEWEST)
    assert len(str(caught.value)) < 400 and "\n" not in str(caught.value).strip()


@pytest.mark.parametrize("case", REASONS)
def test_edges_that_say_nothing_of_a_network(case):
    table, network, words = REASONS[case]
    card = score_edges(table, references={"net": network}, **FEWEST)
    found = card.conditions["net"]
    assert words in str(found[CHANCE].outcome)
    assert set(found) == set(MEANING) and "yes" not in {one.answer for one in found.values()}
    assert card.verdicts["net"].startswith("Cannot be told")


@pytest.mark.parametrize("case", CELLS)
def test_cells_on_a_wrong_scale(case):
    change, words = CELLS[case]
    table, adata, network = drawn()
    other = ad.AnnData(sparse.csr_matrix(change(adata)), var=adata.var)
    with pytest.raises(HelpersError, match=words):
        score_edges(table, other, {"net": network}, **FEWEST)


def test_cells_of_other_genes_or_of_one_cell_are_named_reasons():
    table, adata, network = drawn()
    alien = adata[:50].copy()
    alien.var_names = [f"X{i}" for i in range(adata.n_vars)]
    for cells in (alien, adata[:1].copy()):
        card = score_edges(table, cells, {"net": network}, **FEWEST)
        found = card.conditions["net"]["beyond co-expression"]
        assert "genes vary" in str(found.outcome)


def test_repeated_genes_of_cells_are_refused():
    table, adata, network = drawn()
    twice = adata[:50].copy()
    twice.var_names = ["G"] * adata.n_vars
    with pytest.raises(HelpersError, match="twice"):
        score_edges(table, twice, {"net": network}, **FEWEST)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"edges": 3}, "give a path"),
        ({"edges": "none.csv"}, "no such file"),
        ({"cells": "none.h5ad"}, "none.h5ad"),
        ({"cells": "no-such-set"}, "no-such-set"),
        ({"cells": 3}, "give a path"),
        ({"references": []}, "list of references"),
        ({"references": "trrust"}, "list of references"),
        ({"references": ["no-such"]}, "no-such"),
        ({"references": ["none.tsv"]}, "no such file"),
        ({"references": {"n": 3}}, "DataFrame"),
        ({"references": {"n": NETWORK.head(0)}}, "no edge"),
        ({"references": {"n": NETWORK.assign(target=NETWORK["source"])}}, "no edge"),
        ({"direction": "backwards"}, "direction"),
        ({"organism": "fly"}, "organism"),
        ({"margin": 0.0}, "margin"),
        ({"margin": float("nan")}, "margin"),
        ({"permutations": 3}, "permutations"),
        ({"rewired": 0}, "rewired"),
        ({"n_cells": 0}, "n_cells"),
        ({"seed": -1}, "seed"),
        ({"alpha": 1.0}, "alpha"),
    ],
)
def test_settings_that_mean_nothing(changes, words):
    given = {"edges": good(), "references": {"net": NETWORK}} | FEWEST
    with pytest.raises(HelpersError, match=words):
        score_edges(**(given | changes))


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (text(good(), "\t"), "separated by tabs"),
        (text(good(), ";"), "separated by semicolons"),
        (b"\xef\xbb\xbf" + text(good()), ""),
        (text(good(), quoting=1), ""),
        (text(good(), "\t", header=False), "no header"),
        (text(good()).replace(b"\n", b"\r\n"), ""),
        (text(good().rename(columns={"TF": "Gene1", "target": "Gene2"})), ""),
        (text(pd.concat([good(), good().head(9)])), "9 repeated pairs"),
        (text(good()) + b"G00,G00,5\n,G01,5\n", "1 rows without a name, 1 self pairs"),
        (text(good(other="x")), ""),
        (matrix().to_csv().encode(), ""),
    ],
)
def test_harmless_oddities_are_read_and_told(path, content, note):
    card = score_edges(path(content), references={"net": NETWORK}, **FEWEST)
    assert card.references[0].counts["n_positive"] == len(NETWORK)
    assert note in " ".join(card.edges["notes"])


def test_four_tfs_have_no_crossed_interval():
    card = score_edges(good().query("TF < 'G04'"), references={"net": NETWORK}, **FEWEST)
    (one,) = card.references
    assert one.auroc.low is None and "at least 5" in one.auroc.detail["interval"]
    assert "at least 5" in str(one.tests["absent within the margin"])


def test_there_are_enough_of_them():
    assert len(FILES) + len(REASONS) + len(CELLS) >= 50  # and 35 more above
