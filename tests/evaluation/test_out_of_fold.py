"""Held-out blocks share nothing with what the model has seen."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import LinearRegression, LogisticRegression

from helpers.errors import DataError, ParameterError
from helpers.evaluation.out_of_fold import out_of_fold


class Seen(RegressorMixin, BaseEstimator):
    """Predicts whether the row (tens) or the column (units) of a pair was seen in training."""

    def fit(self, features, outcome):
        self.rows_, self.columns_ = set(features[:, 0]), set(features[:, 1])
        return self

    def predict(self, features):
        row = np.isin(features[:, 0], list(self.rows_))
        return 10 * row + np.isin(features[:, 1], list(self.columns_))


ROWS, COLUMNS = np.divmod(np.arange(8 * 12), 12)
PAIRS = np.stack([ROWS, COLUMNS], axis=1).astype(float)


@pytest.mark.parametrize(("split", "seen"), [("row", 1), ("column", 10), ("both", 0)])
def test_what_is_held_out_was_never_seen(split, seen):
    found = out_of_fold(Seen(), PAIRS, np.zeros(96), ROWS, COLUMNS, split, np.random.default_rng(0))
    assert (found == seen).all()


def test_log_odds_of_a_classifier_and_values_of_a_regressor():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(96, 1))
    straight = out_of_fold(LinearRegression(), x, 3 * x[:, 0], ROWS, COLUMNS, "both", rng)
    np.testing.assert_allclose(straight, 3 * x[:, 0], atol=1e-9)
    odds = out_of_fold(LogisticRegression(), x, x[:, 0] > 0, ROWS, COLUMNS, "row", rng)
    assert ((odds > 0) == (x[:, 0] > 0)).mean() > 0.9


def test_a_gene_effect_is_no_use_on_genes_never_seen():
    """One-hot genes: perfect for seen columns, useless for held-out ones."""
    rng = np.random.default_rng(2)
    effect = rng.normal(size=12)[COLUMNS]
    one_hot = np.eye(12)[COLUMNS]
    by_row = out_of_fold(LinearRegression(), one_hot, effect, ROWS, COLUMNS, "row", rng)
    by_both = out_of_fold(LinearRegression(), one_hot, effect, ROWS, COLUMNS, "both", rng)
    assert np.corrcoef(by_row, effect)[0, 1] > 0.99
    assert abs(np.corrcoef(by_both, effect)[0, 1]) < 0.9


def test_bad_input_is_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ParameterError, match="split is 'pair'"):
        out_of_fold(LinearRegression(), PAIRS, ROWS, ROWS, COLUMNS, "pair", rng)
    with pytest.raises(DataError, match="8 rows for 9 folds"):
        out_of_fold(LinearRegression(), PAIRS, ROWS, ROWS, COLUMNS, "row", rng, 9)
    with pytest.raises(DataError, match="one class"):
        out_of_fold(LogisticRegression(), PAIRS, ROWS < 0, ROWS, COLUMNS, "row", rng)
