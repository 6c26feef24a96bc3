"""The relabel null: against explicit loops, with missing pairs and ties, and its level."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from helpers.errors import ParameterError
from helpers.estimates import NotEstimable
from helpers.statistics.held_out import held_out_choice
from helpers.statistics.relabel import gene_permutation, relabel_null, relabelling


def universe(seed: int, n_tfs: int = 3, n_genes: int = 7, k: int = 2):
    """All TF x gene pairs but self pairs, scores with ties, a network."""
    rng = np.random.default_rng(seed)
    genes = np.array([f"g{i}" for i in rng.permutation(n_genes)])
    pairs = [(a, b) for a in genes[:n_tfs] for b in genes if a != b]
    rows, columns = (np.array(part) for part in zip(*pairs, strict=True))
    labels = rng.random(rows.size) < 0.3
    labels[:2] = True, False
    return np.round(rng.normal(size=(k, rows.size)), 1), labels, rows, columns


def loop_auroc(score_of: dict, network: set, new: dict) -> float:
    """AUROC of the relabelled network over the pairs with a score, all comparisons spelt out."""
    moved = {(new[a], new[b]) for a, b in network}
    plus = [v for pair, v in score_of.items() if pair in moved]
    minus = [v for pair, v in score_of.items() if pair not in moved]
    return float(np.mean([(p > m) + 0.5 * (p == m) for p in plus for m in minus]))


def all_relabellings(rows, columns):
    tfs = sorted(set(rows))
    others = sorted(set(columns) - set(tfs))
    for a in itertools.permutations(tfs):
        for b in itertools.permutations(others):
            yield dict(zip(tfs, a, strict=True)) | dict(zip(others, b, strict=True))


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_draws_are_the_relabellings_and_all_of_them(missing):
    scores, labels, rows, columns = universe(1)
    lost = np.random.default_rng(2).random(rows.size) < missing
    lost[:2] = False
    scores[0, lost] = np.nan
    network = set(zip(rows[labels], columns[labels], strict=True))
    score_of = dict(
        zip(zip(rows[~lost], columns[~lost], strict=True), scores[1][~lost], strict=True)
    )
    exact = [loop_auroc(score_of, network, new) for new in all_relabellings(rows, columns)]
    null = relabel_null(scores, labels, rows, columns, np.random.default_rng(0), 6000)
    values, counts = np.unique(np.round(exact, 9), return_counts=True)
    drawn, times = np.unique(np.round(null.draws[:, 1], 9), return_counts=True)
    assert np.isin(drawn, values).all()
    share = counts / counts.sum()
    expected = share * len(null.draws)
    seen = np.array([times[drawn == v].sum() for v in values])
    chi2 = ((seen - expected) ** 2 / expected).sum()
    assert stats.chi2.sf(chi2, values.size - 1) > 1e-3
    assert null.observed[1] == pytest.approx(roc_auc_score(labels[~lost], scores[1][~lost]))
    if missing:
        assert null.n_positive.min() < labels.sum()  # positives that land on unscored pairs
    else:
        assert (null.n_positive == labels.sum()).all()


def test_a_gene_keeps_one_label_as_row_and_as_column():
    _, labels, rows, columns = universe(3, 4, 9)
    how = relabelling(labels, rows, columns)
    tfs = set(rows)
    degree = {g: sorted([(columns[labels] == g).sum(), (rows[labels] == g).sum()]) for g in tfs}
    for landed in how.draws(np.random.default_rng(0), 20):
        assert landed.size == labels.sum() and np.unique(landed).size == landed.size
        moved = np.zeros(labels.size, bool)
        moved[landed] = True
        again = {g: sorted([(columns[moved] == g).sum(), (rows[moved] == g).sum()]) for g in tfs}
        # In- and out-degree move together.
        assert sorted(map(tuple, degree.values())) == sorted(map(tuple, again.values()))
        both = (np.isin(columns, list(tfs)) & labels).sum()
        assert (np.isin(columns, list(tfs)) & moved).sum() == both


def test_tfs_without_a_row_change_places_among_themselves():
    _, labels, rows, columns = universe(11, 3, 9)
    tfs = np.array(["g0", "g1", "g2", "g3", "g4", "g5"])
    how = relabelling(labels, rows, columns, tfs=tfs)
    kinds = np.where(np.isin(columns, rows), "row", np.where(np.isin(columns, tfs), "tf", "other"))
    assert len(set(kinds)) == 3
    expected = sorted(kinds[labels])
    landings = set()
    for landed in how.draws(np.random.default_rng(0), 50):
        assert sorted(kinds[landed]) == expected
        landings |= set(landed)
    assert len(landings) > labels.sum()


@given(st.integers(0, 10_000))
def test_scores_count_by_rank_only(seed):
    scores, labels, rows, columns = universe(seed, 4, 10)
    one = relabel_null(scores, labels, rows, columns, np.random.default_rng(seed), 30)
    two = relabel_null(np.exp(scores), labels, rows, columns, np.random.default_rng(seed), 30)
    assert np.array_equal(one.draws, two.draws) and np.array_equal(one.observed, two.observed)
    down = relabel_null(-scores, labels, rows, columns, np.random.default_rng(seed), 30)
    assert down.draws == pytest.approx(1 - one.draws, abs=1e-12)


@given(st.integers(0, 10_000))
def test_permuting_scores_is_permuting_the_network(seed):
    rng = np.random.default_rng(seed)
    n_tfs, n = 4, 9
    matrix, network = rng.normal(size=(n, n)), rng.random((n, n)) < 0.3
    is_tf = np.arange(n) < n_tfs
    order = gene_permutation(is_tf, rng)
    assert sorted(order) == list(range(n)) and (is_tf[order] == is_tf).all()
    moved = matrix[np.ix_(order, order)]
    back = np.empty((n, n), bool)
    back[np.ix_(order, order)] = network
    off = ~np.eye(n, dtype=bool) & is_tf[:, None]
    pairs = sorted(zip(moved[off], network[off], strict=True))
    assert pairs == sorted(zip(matrix[off], back[off], strict=True))


def hub_world(rng, planted=0.0, n_tfs=12, n_genes=60):
    """Attention and network with preferred targets of their own, unrelated unless planted."""
    rows, columns = np.nonzero(~np.eye(n_genes, dtype=bool)[:n_tfs])
    labels = rng.random(rows.size) < 0.08 * rng.pareto(1.5, n_genes)[columns]
    noise = rng.normal(size=(2, n_genes))[:, columns] + 0.5 * rng.normal(size=(2, rows.size))
    return noise + planted * labels, labels, rows, columns


def p_value(null) -> float:
    return (1 + (null.draws[:, 0] >= null.observed[0]).sum()) / (1 + len(null.draws))


def test_level_and_power_where_targets_matter():
    rng = np.random.default_rng(4)
    null = [p_value(relabel_null(*hub_world(rng), rng, 99)) <= 0.05 for _ in range(300)]
    power = [p_value(relabel_null(*hub_world(rng, 1.0), rng, 99)) <= 0.05 for _ in range(60)]
    assert np.mean(null) <= stats.binom.ppf(0.999, 300, 0.05) / 300
    assert np.mean(power) > 0.8


def test_held_out_choice_shares_neither_tf_nor_target_and_keeps_its_level():
    rng = np.random.default_rng(5)
    signal, choice, planted = [], [], []
    for _ in range(150):
        found = held_out_choice(*hub_world(rng, n_tfs=16), rng, 99, 3)
        signal.append((1 + (found.chosen_draws >= found.chosen).sum()) / 100 <= 0.05)
        choice.append((1 + (found.advantage_draws >= found.advantage).sum()) / 100 <= 0.05)
    for _ in range(30):
        scores, labels, rows, columns = hub_world(rng, n_tfs=16)
        scores[1] += 1.5 * labels
        found = held_out_choice(scores, labels, rows, columns, rng, 99, 3)
        planted.append((1 + (found.advantage_draws >= found.advantage).sum()) / 100 <= 0.05)
        assert found.picked.argmax() == 1
    assert max(np.mean(signal), np.mean(choice)) <= stats.binom.ppf(0.999, 150, 0.05) / 150
    assert np.mean(planted) > 0.8


def test_held_out_choice_equals_loops():
    rng = np.random.default_rng(6)
    scores, labels, rows, columns = hub_world(rng, n_tfs=10, n_genes=30)
    found = held_out_choice(scores, labels, rows, columns, np.random.default_rng(7), 5, 2)
    again = np.random.default_rng(7)
    values = []
    for _ in range(2):
        half = again.permutation(np.arange(10) % 2), again.permutation(np.arange(30) % 2)
        for a, b in itertools.product((0, 1), (0, 1)):
            test = (half[0][rows] == a) & (half[1][columns] == b)
            train = (half[0][rows] == 1 - a) & (half[1][columns] == 1 - b)
            if not (labels[test].any() and labels[train].any()):
                continue
            best = int(np.argmax([roc_auc_score(labels[train], s[train]) for s in scores]))
            each = [roc_auc_score(labels[test], s[test]) for s in scores]
            values.append((each[best], each[best] - each[1 - best]))
    assert (found.chosen, found.advantage) == pytest.approx(np.mean(values, axis=0))


def test_bad_input_is_named():
    scores, labels, rows, columns = universe(8)
    rng = np.random.default_rng(0)
    with pytest.raises(ParameterError, match="stands twice"):
        relabelling(labels, rows, rows)
    with pytest.raises(ParameterError, match="scores of shape"):
        relabel_null(scores[:, :-1], labels, rows, columns, rng)
    assert isinstance(relabel_null(scores, labels & False, rows, columns, rng), NotEstimable)
    assert isinstance(held_out_choice(scores[:1], labels, rows, columns, rng), NotEstimable)
