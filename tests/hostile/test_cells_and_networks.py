"""Files of cells, networks and archives: what a power cut, a spreadsheet or an attacker makes."""

from __future__ import annotations

import gzip
import os

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
from hostile_kit import JUNK, bomb, refuses
from scipy import sparse

from helpers.datasets.own import read_own
from helpers.datasets.own_network import networks, read_network
from helpers.reading import draw_cells

GENES = [f"G{i}" for i in range(20)]
READ = {"organism": "other"}


@pytest.fixture
def cells(tmp_path):
    counts = np.random.default_rng(0).poisson(2.0, (30, 20)).astype(np.float32)
    made = ad.AnnData(sparse.csr_matrix(counts), var=pd.DataFrame(index=GENES))
    made.obs_names = [f"c{i}" for i in range(30)]
    made.write_h5ad(tmp_path / "cells.h5ad")
    return tmp_path / "cells.h5ad"


def stored(name: str, change):
    """Replace one array of the file."""

    def edit(file):
        values = file[name][...]
        kept = dict(file[name].attrs)
        del file[name]
        file[name] = change(values)
        file[name].attrs.update(kept)

    return edit


def replaced(values: np.ndarray, place: int, value) -> np.ndarray:
    values[place] = value
    return values


INSIDE = {
    "no X": lambda f: f.pop("X"),
    "no var": lambda f: f.pop("var"),
    "no obs": lambda f: f.pop("obs"),
    "no indptr": lambda f: f["X"].pop("indptr"),
    "no data": lambda f: f["X"].pop("data"),
    "no indices": lambda f: f["X"].pop("indices"),
    "X a number": lambda f: (f.pop("X"), f.create_dataset("X", data=3)),
    "X text": lambda f: (f.pop("X"), f.create_dataset("X", data=np.array([b"a"] * 9))),
    "X of another shape": lambda f: (f.pop("X"), f.create_dataset("X", data=np.ones((3, 3)))),
    "X of three axes": lambda f: (f.pop("X"), f.create_dataset("X", data=np.ones((30, 20, 2)))),
    "NaN": stored("X/data", lambda v: replaced(v, 0, np.nan)),
    "infinite": stored("X/data", lambda v: replaced(v, 0, np.inf)),
    "negative": stored("X/data", lambda v: -v),
    "halves": stored("X/data", lambda v: v + 0.5),
    "scaled": stored("X/data", lambda v: v - v.mean()),
    "complex": stored("X/data", lambda v: v.astype(complex)),
    "truth values": stored("X/data", lambda v: v > 0),
    "data too short": stored("X/data", lambda v: v[:5]),
    "indices outside": stored("X/indices", lambda v: replaced(v, 0, 10**6)),
    "indices negative": stored("X/indices", lambda v: replaced(v, 0, -5)),
    "indices floats": stored("X/indices", lambda v: v.astype(float) + 0.5),
    "indices too short": stored("X/indices", lambda v: v[:5]),
    "indptr turned round": stored("X/indptr", lambda v: v[::-1].copy()),
    "indptr too short": stored("X/indptr", lambda v: v[:5]),
    "indptr endless": stored("X/indptr", lambda v: replaced(v, -1, 2**31 - 1)),
    "indptr negative": stored("X/indptr", lambda v: replaced(v, 3, -7)),
    "another encoding": lambda f: f["X"].attrs.update({"encoding-type": "magic"}),
    "a shape of three": lambda f: f["X"].attrs.update({"shape": [30, 20, 1]}),
    "a shape too large": lambda f: f["X"].attrs.update({"shape": [10**9, 20]}),
    "a shape negative": lambda f: f["X"].attrs.update({"shape": [-1, 20]}),
    "a link outside": lambda f: (
        f["X"].__setitem__("data", h5py.ExternalLink("no.h5", "/x"))
        if f["X"].pop("data", None) is None
        else None
    ),
    "var of other length": stored("var/_index", lambda v: v[:7]),
    "obs of other length": stored("obs/_index", lambda v: v[:7]),
}


@pytest.mark.parametrize("case", INSIDE)
def test_h5ad_whose_inside_is_malformed(cells, case):
    with h5py.File(cells, "r+") as file:
        INSIDE[case](file)
    refuses(lambda: read_own(cells, **READ), cells.parent)


OUTSIDE = {
    **{name: (lambda p, b=content: p.write_bytes(b)) for name, content in JUNK.items()},
    "cut in half": lambda p: p.write_bytes(p.read_bytes()[: p.stat().st_size // 2]),
    "zeros in the middle": lambda p: p.write_bytes(p.read_bytes()[:600] + b"\0" * 9000),
    "a pickle": lambda p: p.write_bytes(bomb(p.parent)),
    "a pipe": lambda p: (p.unlink(), os.mkfifo(p)),
    "a link to zeros": lambda p: (p.unlink(), p.symlink_to("/dev/zero")),
    "a link to itself": lambda p: (p.unlink(), p.symlink_to(p.name)),
    "an empty folder": lambda p: (p.unlink(), p.mkdir()),
    "missing": lambda p: p.unlink(),
}


@pytest.mark.parametrize("case", OUTSIDE)
def test_h5ad_that_is_none(cells, case):
    OUTSIDE[case](cells)
    refuses(lambda: read_own(cells, **READ), cells.parent)


@pytest.mark.parametrize(
    "name", ["", "/", "a\0b.h5ad", "no.h5ad", "~nobody/x.h5ad", "x" * 5000 + ".h5"]
)
def test_names_of_cells(tmp_path, name):
    refuses(lambda: draw_cells(name or "./", 10, 0), tmp_path)


GOOD = b"source,target\nA,B\nA,C\nD,B\n"
NETWORKS = {
    **JUNK,
    "one column": b"source\nA\n",
    "no edge": b"source,target\n",
    "self pairs only": b"source,target\nA,A\n",
    "names missing": b"source,target\n,\n,\n",
    "a pickle": b"\x80\x04\x95",
    "a huge name": b"source,target\n" + b"A" * 10_000 + b",B\n",
    "control characters": b"source,target\nA\x07,B\n",
    "UTF-16 with tabs": "source\ttarget\nA\tB\n".encode("utf-16"),
    "a zip": b"PK\x03\x04" + b"\0" * 40,
    "an open quote": b'source,target\n"A,B\nA,C\n',
    "a line without end": b"A," * 1_000_000,
}


@pytest.mark.parametrize("case", NETWORKS)
@pytest.mark.parametrize("packed", [False, True])
def test_networks(tmp_path, case, packed):
    path = tmp_path / ("net.csv.gz" if packed else "net.csv")
    path.write_bytes(gzip.compress(NETWORKS[case]) if packed else NETWORKS[case])
    refuses(lambda: read_network(path), tmp_path)


SPOILED = {
    "cut gzip": ("net.csv.gz", gzip.compress(GOOD * 50)[:-12]),
    "no gzip": ("net.csv.gz", GOOD),
    "a flipped gzip": ("net.csv.gz", gzip.compress(GOOD * 50)[:30] + b"\xff" * 9),
    "no parquet": ("net.parquet", GOOD),
    "an empty parquet": ("net.parquet", b""),
    "half a parquet": ("net.parquet", b"PAR1" + b"\0" * 100 + b"PAR1"),
}


@pytest.mark.parametrize("case", SPOILED)
def test_packed_networks(tmp_path, case):
    name, content = SPOILED[case]
    (tmp_path / name).write_bytes(content)
    refuses(lambda: read_network(tmp_path / name), tmp_path)


def test_a_parquet_of_one_column(tmp_path):
    pd.DataFrame({"source": ["A"]}).to_parquet(tmp_path / "net.parquet")
    refuses(lambda: read_network(tmp_path / "net.parquet"), tmp_path)


@pytest.mark.parametrize("case", ["a pipe", "a link to zeros", "a link to itself", "missing"])
def test_networks_that_are_no_files(tmp_path, case):
    path = tmp_path / "net.csv"
    path.write_bytes(GOOD)
    OUTSIDE[case](path)
    refuses(lambda: read_network(path), tmp_path)


@pytest.mark.parametrize("names", [[], "trrust", ["no-such"], ["a.csv"], ["x\0.csv"], [""]])
def test_names_of_networks(tmp_path, names):
    refuses(lambda: networks(names), tmp_path)
