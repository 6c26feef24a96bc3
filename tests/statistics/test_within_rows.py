"""Mean AUROC inside rows: equal to leaving out by hand, and honest where rows share columns."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.within_rows import above_reference, across_tables, within_row_auroc


def drawn(seed, t=8, g=30, share=0.3, ties=False):
    rng = np.random.default_rng(seed)
    rows, columns = (
        part.ravel() for part in np.meshgrid(np.arange(t), np.arange(g), indexing="ij")
    )
    keep = rows != columns
    rows, columns = rows[keep], columns[keep]
    score = rng.normal(size=rows.size)
    labels = rng.random(rows.size) < share
    return (score.round(1) if ties else score), labels, rows, columns


def by_hand(score, labels, rows, columns, least=3):
    values = []
    for one in np.unique(rows):
        y = labels[rows == one]
        if min(y.sum(), (~y).sum()) >= least:
            values.append(roc_auc_score(y, score[rows == one]))
    return np.mean(values)


@pytest.mark.parametrize("ties", [False, True])
def test_equal_to_leaving_out_each_row_and_column(ties):
    score, labels, rows, columns = drawn(0, ties=ties)
    found = within_row_auroc(score, labels, rows, columns)
    whole = by_hand(score, labels, rows, columns)
    assert found.auroc[0] == pytest.approx(whole)
    t, g = 8, 30
    for unit in range(t):
        kept = rows != unit
        change = by_hand(score[kept], labels[kept], rows[kept], columns[kept]) - whole
        assert found.without_row[0, unit] == pytest.approx(change * np.sqrt((t - 1) / t))
    for unit in range(g):
        kept = columns != unit
        change = by_hand(score[kept], labels[kept], rows[kept], columns[kept], 2) - whole
        assert found.without_column[0, unit] == pytest.approx(change * np.sqrt((g - 1) / g))
    assert (found.same_gene == np.arange(t)).all()


def test_rows_with_few_positives_do_not_enter():
    score, labels, rows, columns = drawn(1)
    labels[rows == 0] = False
    labels[np.flatnonzero(rows == 0)[:2]] = True
    found = within_row_auroc(score, labels, rows, columns)
    assert found.n_tfs_with_positive == 7
    assert found.auroc[0] == pytest.approx(by_hand(score, labels, rows, columns))
    labels[:] = False
    assert isinstance(within_row_auroc(score, labels, rows, columns), NotEstimable)


def test_a_score_constant_inside_rows_has_one_half_whatever_rows_hold():
    score, labels, rows, columns = drawn(2)
    found = within_row_auroc([rows.astype(float), score], labels, rows, columns)
    assert found.auroc[0] == 0.5


def test_differences_hold_their_level_where_genes_have_effects_of_their_own():
    """Two gene-level scores without any relation to the responders, which genes share."""
    rejected, draws = 0, 300
    rng = np.random.default_rng(5)
    rows, columns = np.divmod(np.arange(25 * 60), 60)
    for _ in range(draws):
        genes = rng.normal(size=60)[columns] * 1.5
        labels = genes + rng.normal(size=rows.size) > 2
        one, two = rng.normal(size=(2, 60))[:, columns]
        found = within_row_auroc([one, two], labels, rows, columns)
        rejected += found.difference(np.array([1.0, -1.0])).p <= 0.05
    assert rejected / draws <= 0.085  # 0.05 + 2.8 binomial errors


def test_a_reference_is_taken_off_column_by_column():
    score, labels, rows, columns = drawn(3)
    found = within_row_auroc(score, labels, rows, columns)
    again = np.tile(drawn(4)[1], 2)
    many = np.r_[rows, rows + 8]
    reference = within_row_auroc(np.tile(score, 2), again, many, np.tile(columns, 2))
    above = above_reference(found, reference)
    assert above.auroc == found.auroc - reference.auroc
    one = above.difference(np.ones(1))
    assert one.estimate == above.auroc[0] and one.n_units == 8
    with pytest.raises(ParameterError, match="other columns"):
        few = columns < 20
        above_reference(found, within_row_auroc(*(part[few] for part in drawn(3))))


def test_one_positive_cannot_be_left_out():
    with pytest.raises(ParameterError, match="least is 1"):
        within_row_auroc(*drawn(0), least=1)


def tables_drawn(seed, t=8, g=30):
    score, _, rows, columns = drawn(seed, t, g)
    rng = np.random.default_rng(seed + 1000)
    labels = (rng.random((t, g)).argsort(axis=1, kind="stable") < g // 5)[rows, columns]
    return score[None], labels, rows, columns


def test_leaving_a_gene_out_of_both_tables_by_hand():
    first, second = tables_drawn(0), tables_drawn(1, t=6, g=20)
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
    one, other = tables_drawn(2), tables_drawn(3)
    assert across_tables([one, one]).contrast(np.array([1.0, -1.0])).se == 0.0
    apart = across_tables([named("a", one), named("b", other)])
    both = apart.contrast(np.array([1.0, -1.0])).se ** 2
    single = [across_tables([table]).contrast(np.ones(1)).se ** 2 for table in (one, other)]
    assert both == pytest.approx(sum(single), rel=0.3)


def test_what_cannot_be_estimated_says_so():
    table = tables_drawn(0)
    none = (table[0], np.zeros_like(table[1]), *table[2:])
    assert isinstance(across_tables([table, none]), NotEstimable)
    with pytest.raises(ParameterError, match="twice"):
        across_tables([tuple(np.concatenate([x, x], axis=-1) for x in table)])
    with pytest.raises(ParameterError, match="at least 2"):
        across_tables([table], 1)
