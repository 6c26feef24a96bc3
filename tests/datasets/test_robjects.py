from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rdata
from rdata.parser import RObject, RObjectInfo, RObjectType
from scipy import sparse

from helpers.datasets.robjects import Experiment, Matrix, Opaque, convert, load_r_objects
from helpers.errors import DataError

T = RObjectType
NIL = RObject(RObjectInfo(T.NILVALUE, False, False, False, 0, 0), None, None)


def node(kind: RObjectType, value: object, **attributes: RObject) -> RObject:
    """Build a node of a parsed tree."""
    tagged = pairs(attributes) if attributes else None
    info = RObjectInfo(kind, False, bool(attributes), False, 0, 0)
    return RObject(info, value, tagged)


def text(*words: str) -> RObject:
    return node(T.STR, [node(T.CHAR, word.encode()) for word in words])


def numbers(values: object, kind: RObjectType = T.INT, **attributes: RObject) -> RObject:
    return node(kind, np.asarray(values), **attributes)


def pairs(items: dict[str, RObject]) -> RObject:
    """Build R's linked list, last item first."""
    rest = NIL
    for name, value in reversed(items.items()):
        tag = node(T.SYM, node(T.CHAR, name.encode()))
        rest = RObject(RObjectInfo(T.LIST, False, False, True, 0, 0), (value, rest), None, tag)
    return rest


def vector(items: dict[str, RObject] | list[RObject], **attributes: RObject) -> RObject:
    if isinstance(items, dict):
        attributes = {"names": text(*items), **attributes}
        items = list(items.values())
    return node(T.VEC, items, **attributes)


def s4(name: str, **slots: RObject) -> RObject:
    return node(T.S4, None, **{**slots, "class": text(name)})


DENSE = np.array([[0.0, 2.0, 0.0], [1.0, 0.0, 5.0]])


def sparse_node() -> RObject:
    """DENSE as R's dgCMatrix, with names."""
    matrix = sparse.csc_matrix(DENSE)
    return s4(
        "dgCMatrix",
        i=numbers(matrix.indices),
        p=numbers(matrix.indptr),
        x=numbers(matrix.data, T.REAL),
        Dim=numbers(DENSE.shape),
        Dimnames=vector([text("g1", "g2"), text("c1", "c2", "c3")]),
    )


def column_data() -> RObject:
    listed = vector({"donor": numbers([1, 2, 1], levels=text("a", "b"))})
    return s4("DFrame", listData=listed, nrows=numbers([3]), rownames=text("c1", "c2", "c3"))


@pytest.mark.parametrize("compression", ["gzip", "bzip2", "xz"])
def test_plain_objects_written_by_rdata_come_back(tmp_path: Path, compression: str):
    """Independent oracle: the writer of the package rdata."""
    path = tmp_path / "set.rda"
    table = pd.DataFrame({"n": [1, 2], "x": [0.5, np.nan], "s": ["a", "ü"]})
    content = {"numbers": np.array([1.5, 2.5]), "words": np.array(["a", "b"]), "table": table}
    rdata.write_rda(path, {**content, "nested": {"k": np.array([1, 2])}}, compression=compression)
    read = load_r_objects(path)
    np.testing.assert_array_equal(read["numbers"], content["numbers"])
    assert read["words"].tolist() == ["a", "b"]
    assert read["nested"]["k"].tolist() == [1, 2]
    pd.testing.assert_frame_equal(read["table"], table, check_dtype=False)
    assert load_r_objects(path.read_bytes(), "bytes").keys() == read.keys()


def test_a_single_object_is_named_object(tmp_path: Path):
    path = tmp_path / "one.rds"
    rdata.write_rds(path, np.array([3, 1]))
    assert load_r_objects(path)["object"].tolist() == [3, 1]


def test_columns_and_triplets_give_the_same_sparse_matrix():
    compressed = convert(sparse_node())
    rows, columns = np.nonzero(DENSE)
    triplets = s4(
        "dgTMatrix",
        i=numbers(rows),
        j=numbers(columns),
        x=numbers(DENSE[rows, columns], T.REAL),
        Dim=numbers(DENSE.shape),
        Dimnames=vector([text("g1", "g2"), NIL]),
    )
    for matrix in (compressed, convert(triplets)):
        np.testing.assert_array_equal(matrix.values.toarray(), DENSE)
        assert matrix.rows.tolist() == ["g1", "g2"]
    assert compressed.columns.tolist() == ["c1", "c2", "c3"]
    assert convert(triplets).columns is None


def test_dense_matrices_are_filled_by_column():
    found = convert(numbers(DENSE.ravel(order="F"), T.REAL, dim=numbers(DENSE.shape)))
    assert isinstance(found, Matrix)
    np.testing.assert_array_equal(found.values, DENSE)


def test_factors_keep_missing_values():
    found = convert(numbers([2, np.iinfo(np.int32).min, 1], levels=text("low", "high")))
    assert found.tolist() == ["high", np.nan, "low"]


def experiment(assays: RObject) -> RObject:
    return s4(
        "SingleCellExperiment",
        assays=assays,
        colData=column_data(),
        NAMES=text("g1", "g2"),
        reducedDims=s4("SimpleList", listData=vector({})),
    )


def assay_list() -> RObject:
    return s4("SimpleList", listData=vector({"counts": sparse_node()}))


def in_environment(**variables: RObject) -> RObject:
    """Build an environment as older Bioconductor objects have: hashed, with functions inside."""

    class Frame:
        frame = NIL
        enclosure = NIL
        hash_table = node(T.VEC, [NIL, pairs(variables)])

    return node(T.ENV, Frame())


def test_experiments_of_both_layouts_are_read_and_functions_are_left_alone():
    function = node(T.CLO, (NIL, NIL))
    old = s4(
        "ShallowSimpleListAssays",
        **{".xData": in_environment(data=function, **{".->data": assay_list()})},
    )
    for assays in (s4("SimpleAssays", data=assay_list()), old):
        found = convert(experiment(assays))
        assert isinstance(found, Experiment)
        np.testing.assert_array_equal(found.assays["counts"].values.toarray(), DENSE)
        assert found.genes.tolist() == ["g1", "g2"]
        assert found.columns["donor"].tolist() == ["a", "b", "a"]
        assert found.columns.index.tolist() == ["c1", "c2", "c3"]


@pytest.mark.parametrize("kind", [T.CLO, T.ENV, T.PROM, T.LANG])
def test_code_is_never_converted(kind: RObjectType):
    assert convert(node(kind, None)) == Opaque(kind.name)


@pytest.mark.parametrize("data", [b"", b"RDX3\nX\n", b"\x1f\x8bnot gzip", b"hello", b"BZh9junk"])
def test_what_is_no_r_file_is_our_error(data: bytes):
    with pytest.raises(DataError, match=r"junk\.rda is damaged or not a file saved by R"):
        load_r_objects(data, "junk.rda")


def test_a_truncated_file_is_our_error(tmp_path: Path):
    path = tmp_path / "set.rda"
    rdata.write_rda(path, {"a": np.arange(1000)})
    data = path.read_bytes()
    for kept in (10, len(data) // 2, len(data) - 9):
        with pytest.raises(DataError, match="is damaged"):
            load_r_objects(data[:kept], "set.rda")
