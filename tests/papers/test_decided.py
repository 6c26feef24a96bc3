import numpy as np
import pandas as pd
import pytest

from helpers.datasets.simulate import printed as generator
from helpers.errors import ParameterError
from papers import decided
from papers.claims import printed_words


def table2(pooled, cssi):
    """Two draws at each number of states, with the given means."""
    return pd.DataFrame(
        [
            {"n_states": n, "pool_f1": p + d, "cssi_max_f1": c + d}
            for n, p, c in zip((2, 4, 6), pooled, cssi, strict=True)
            for d in (-0.01, 0.01)
        ]
    )


def test_figure_1_is_confirmed_by_draws_that_show_it_and_by_no_others():
    shown = decided.of_draws(table2((0.9, 0.7, 0.5), (0.95, 0.95, 0.92)))
    assert shown["cssi/fig1"] == printed_words("cssi/fig1")
    turning = decided.of_draws(table2((0.9, 0.5, 0.7), (0.95, 0.95, 0.92)))
    assert "does not keep falling" in turning["cssi/fig1"]
    low = decided.of_draws(table2((0.9, 0.7, 0.5), (0.95, 0.8, 0.92)))
    assert low["cssi/fig1"].endswith("CSSI-max imperfect")


def test_half_and_nine_tenths_of_an_exponential():
    rate = 0.0055
    cells = decided.of_rate(rate)
    for end, share in (("low", 0.5), ("high", 0.9)):
        n = cells[f"scaling/threshold#{end}"]
        assert 1 - np.exp(-rate * n) == pytest.approx(share)


def test_figures_printed_without_their_last_digit_have_room():
    assert decided.room("a2t/cssi-s6#13") == 5e-4
    assert decided.room("cssi/fig1") == 0
    assert decided.key("a2t/cssi-s6#13") == "a2t_cssi_s6_13"


def test_tiers_point_down_and_have_the_printed_density():
    network = generator.tiered_network(np.random.default_rng(0), 400)
    assert np.allclose(network, np.triu(network, 1))
    tier = np.digitize(np.arange(400) / 400, np.cumsum(generator.TIERS))
    down = tier[:, None] < tier[None, :]
    assert (network[down] != 0).mean() == pytest.approx(0.15, abs=0.005)
    assert not network[~down].any()
    with pytest.raises(ParameterError, match="no tiers"):
        generator.tiered_network(np.random.default_rng(0), 3)


def test_cells_solve_the_printed_equation():
    rng = np.random.default_rng(1)
    network = generator.tiered_network(rng)
    cells = generator.steady_cells(network, 20000, np.random.default_rng(2), dropout=0.0)
    drive = cells - cells @ network  # X = X W + b, row by row
    assert np.cov(drive, rowvar=False) == pytest.approx(np.eye(50), abs=0.05)
    dropped = generator.steady_cells(network, 2000, rng)
    assert (dropped == 0).mean() == pytest.approx(0.1, abs=0.005)


def test_recovery_falls_with_cells_because_the_noise_is_put_in():
    found = generator.results(6, 0)
    assert (found["recovery-2000"] < found["recovery-200"]).all()
    rng = np.random.default_rng(3)
    network = generator.tiered_network(rng)
    shuffled = network[np.ix_(rng.permutation(50), rng.permutation(50))]
    assert abs(generator.recovery(shuffled, network)) < 0.15
    assert generator.recovery(network, network) == pytest.approx(1.0)


def test_partial_correlation_finds_the_edge_of_a_chain():
    weight = np.zeros((3, 3))
    weight[0, 1], weight[1, 2] = 1.5, 1.5
    cells = generator.steady_cells(weight, 5000, np.random.default_rng(0), dropout=0.0)
    _, partial = generator.single_and_partial(cells, weight)
    assert partial > 0.8


def test_the_same_seed_gives_the_same_table():
    assert generator.results(2, 7).equals(generator.results(2, 7))
    assert not generator.results(2, 7).equals(generator.results(2, 8))
