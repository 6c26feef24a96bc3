"""Networks of one's own: every spelling of a table of edges, and what is dropped is said."""

import gzip

import numpy as np
import pandas as pd
import pytest

from helpers.datasets.edge_tables import name_columns, read_text_table
from helpers.datasets.own_network import networks, read_network, said
from helpers.errors import DataError, HelpersError, ParameterError
from helpers.reading import references_for

EDGES = [("MYC", "TERT"), ("MYC", "CCND2"), ("TP53", "MDM2")]


@pytest.fixture
def write(tmp_path):
    def make(text, name="net.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return make


def pairs(table):
    return sorted(zip(table["source"], table["target"], strict=True))


@pytest.mark.parametrize(
    "header",
    [
        "source,target",
        "TF,target",
        "regulator,Gene",
        "Gene1,Gene2",
        '"regulatoryGene","targetGene"',
        "from,to",
        "SOURCE, Target_Gene",
        "\ufeffsource,target",
    ],
)
def test_columns_by_any_usual_name(write, header):
    lines = "\n".join([header, *(f"{a},{b}" for a, b in EDGES)])
    assert pairs(read_network(write(lines))) == sorted(EDGES)


@pytest.mark.parametrize(("name", "mark"), [("n.tsv", "\t"), ("n.csv", ","), ("n.txt", ";")])
def test_delimiters_by_suffix(write, name, mark):
    lines = "\n".join([mark.join(("source", "target")), *(mark.join(e) for e in EDGES)])
    table = read_network(write(lines, name))
    assert pairs(table) == sorted(EDGES) and table.attrs["report"]["notes"] == []


def test_a_wrong_delimiter_is_told_and_read(write):
    lines = "\n".join(["source\ttarget", *("\t".join(e) for e in EDGES)])
    (note,) = read_network(write(lines)).attrs["report"]["notes"]
    assert "tabs" in note and ".csv" in note


def test_no_header_as_in_trrust(write):
    table = read_network(
        write("AATF\tBAX\tRepression\t22909821\nABL1\tBCL2\tActivation\t1\n", "t.tsv")
    )
    assert table["sign"].tolist() == [-1, 1]
    assert "no header" in said(table.attrs["report"])


def test_signs_weights_and_levels(write):
    text = "tf,target,mor,weight,confidence\nMYC,TERT,1,0.5,A\nMYC,TP53,-2,x,B\nMYC,E2F1,,,\n"
    table = read_network(write(text)).set_index("target")
    assert table["sign"].to_dict() == {"E2F1": 0, "TERT": 1, "TP53": -1}
    assert table.loc["TERT", "evidence"] == 0.5 and np.isnan(table.loc["TP53", "evidence"])
    assert table.loc["TP53", "confidence"] == "B"


def test_what_is_dropped_is_counted(write):
    text = "source,target\nMYC,MYC\nMYC,TERT\n MYC ,TERT\n,TERT\nMYC,NA\nXXXX9,TERT\n"
    report = read_network(write(text)).attrs["report"]
    wanted = {"rows": 6, "self_pairs": 1, "duplicates": 1, "empty_names": 2, "edges": 2}
    assert {key: report[key] for key in wanted} == wanted
    assert report["unknown_genes"] == 1
    assert "dropped 1 self pairs, 1 duplicates, 2 rows without a name" in said(report)


def test_ensembl_ids_become_symbols(write):
    table = read_network(write("source,target\nENSG00000136997.21,ENSG00000141510\n"))
    assert pairs(table) == [("MYC", "TP53")] and table.attrs["report"]["ensembl_ids"] == 2


def test_parquet_gzip_and_tables_in_memory_are_the_same(tmp_path):
    table = pd.DataFrame(EDGES, columns=["source", "target"])
    table.to_parquet(tmp_path / "a.parquet")
    packed = gzip.compress(table.to_csv(index=False).encode())
    (tmp_path / "b.csv.gz").write_bytes(packed)
    found = networks([str(tmp_path / "a.parquet"), str(tmp_path / "b.csv.gz")])
    found |= networks({"c": table})
    assert list(found) == ["a", "b", "c"]
    assert {tuple(pairs(one)) for one in found.values()} == {tuple(sorted(EDGES))}


def test_registered_ones_and_files_side_by_side(write):
    path = write("source,target\nMYC,TERT\n", "my net.csv")
    found = references_for("baron", ["trrust", str(path)])
    assert list(found) == ["trrust", "my-net"] and len(found["trrust"]) > 1000
    assert list(references_for("sim", [str(path)])) == ["network"]
    with pytest.raises(ParameterError, match="two references"):
        networks([str(path), str(path)])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("\n\n", "empty"),
        ("source,target\n", "no edge"),
        ("source target\nMYC TERT\n", "holds no comma"),
        ("name,value\nMYC,3\n", "no column for source and target"),
        ("source,value\nMYC,3\n", "no column for target"),
        ("source,target\nMYC,MYC\n", "no edge is left"),
        ("source,target\nMYC,\x07\n", "no name"),
        ("source,target\nMYC," + "T" * 500 + "\n", "500 characters"),
        ("source,target\nMYC,T\xe9\n".encode("latin-1"), "UTF-8"),
        ("source,target\nMYC,TERT\n".encode("utf-16"), "UTF-8"),
        ("source,target\nMYC,TERT\nTP53,MDM2,3,4\n", "table"),
        (b"\x1f\x8b\x00\x00source", "."),
    ],
)
def test_what_is_no_network_is_refused(write, text, words):
    with pytest.raises(DataError, match=words):
        read_network(write(text))


def test_a_damaged_gzip_file_and_a_missing_one(write, tmp_path):
    for path in (write(b"\x1f\x8b\x08\x00rubbish", "a.csv.gz"), tmp_path / "none.csv", tmp_path):
        with pytest.raises(DataError):
            read_network(path)
    with pytest.raises(HelpersError, match="DataFrame"):
        networks({"x": [1, 2]})
    with pytest.raises(ParameterError, match="list"):
        networks("trrust")


def test_names_that_look_like_numbers_stay_text(write):
    found, _ = read_text_table(write("source,target\nNA,1E5\nSEPT2,TRUE\n"))
    named = name_columns(found, (), "x").table
    assert named["target"].tolist() == ["1E5", "TRUE"]
