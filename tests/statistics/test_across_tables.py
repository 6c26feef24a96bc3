"""AUROCs of several tables: equal to one table's, and honest where tables share genes."""

import numpy as np
import pytest

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.across_tables import across_tables
from helpers.statistics.within_rows import within_row_auroc


def drawn(seed, t=8, g=30, k=1):
    rng = np.random.default_rng(seed)
    rows, columns = (x.ravel() for x in np.meshgrid(np.arange(t), np.arange(g), indexing="ij"))
    keep = rows != columns
    rows, columns = rows[keep], columns[keep]
    labels = (rng.random((t, g)).argsort(axis=1, kind="stable") < g // 5)[rows, columns]
    return rng.normal(size=(k, rows.size)), labels, rows, columns


def test_one_table_is_that_of_within_rows():
    table = drawn(0, k=2)
    ours, other = across_tables([table]), within_row_auroc(*table)
    for name in ("auroc", "without_row", "without_column", "by_pair", "same_gene"):
        assert np.allclose(getattr(ours, name), getattr(other, name), atol=1e-12), name
    assert ours.counts() == other.counts()
    assert ours.effective_units == other.effective_units


def test_leaving_a_gene_out_of_both_tables_by_hand():
    first, second = drawn(0), drawn(1, t=6, g=20)
    found = across_tables([first, second])
    for k, table in enumerate((first, second)):
        g = np.unique(table[3]).size
        kept = table[3] != 7
        part = (table[0][:, kept], *(x[kept] for x in table[1:]))
        without = across_tables([part], 2).auroc[0] - found.auroc[k]
        assert found.without_column[k, 7] == pytest.approx(without * np.sqrt((g - 1) / g))
    assert (found.without_row[1, 6:] == 0).all()  # these rows are in the first table only


def named(word, table):
    return (*table[:2], *(np.char.add(word, x.astype(str)) for x in table[2:]))


def test_a_table_does_not_differ_from_itself_and_unrelated_ones_add_their_variances():
    one, other = drawn(2), drawn(3)
    assert across_tables([one, one]).contrast(np.array([1.0, -1.0])).se == 0.0
    apart = across_tables([named("a", one), named("b", other)])
    both = apart.contrast(np.array([1.0, -1.0])).se ** 2
    single = [across_tables([table]).contrast(np.ones(1)).se ** 2 for table in (one, other)]
    assert both == pytest.approx(sum(single), rel=0.3)


def test_what_cannot_be_estimated_says_so():
    table = drawn(0)
    none = (table[0], np.zeros_like(table[1]), *table[2:])
    assert isinstance(across_tables([table, none]), NotEstimable)
    with pytest.raises(ParameterError, match="twice"):
        across_tables([tuple(np.concatenate([x, x], axis=-1) for x in table)])
    with pytest.raises(ParameterError, match="at least 2"):
        across_tables([table], 1)
