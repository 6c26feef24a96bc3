"""The error of an AUROC and the fits of the archived scaling curve, by two ways each."""

import numpy as np
import pytest

from helpers.statistics.curve_fits import bootstrap_params, fit, fit_all, selection_rates
from helpers.statistics.intervals import hanley_mcneil
from papers.archives import from_folder
from papers.archives.attention import read_scaling
from papers.archives.locate import ATTENTION

pytestmark = pytest.mark.mirror


@pytest.mark.parametrize(
    ("auroc", "positives", "negatives"),
    [(0.444, 39, 27_820), (0.522, 115, 94_781), (0.717, 28, 280), (0.646, 27, 1304)],
)
def test_error_of_an_auroc_in_closed_form_and_drawn(auroc, positives, negatives):
    """The corrected intervals: exact under exponential scores, so those are drawn.

    Negatives are drawn as counts between the positives, which have the law of theirs.
    """
    error = hanley_mcneil(auroc, positives, negatives)
    rng = np.random.default_rng(0)
    scale = auroc / (1 - auroc)  # P(scale E1 > E2) = auroc
    share = []
    for high in scale * rng.exponential(size=(1200, positives)):
        between = np.diff(-np.expm1(-np.sort(high)), prepend=0.0, append=1.0)
        below = rng.multinomial(negatives, between).cumsum()[:-1]
        share.append(below.mean() / negatives)
    assert np.mean(share) == pytest.approx(auroc, abs=0.005)
    half = (error.high - error.low) / 2
    assert 1.96 * np.std(share) == pytest.approx(half, rel=0.09)


def archived_points(mirror_dir):
    runs, _ = read_scaling(from_folder(mirror_dir / ATTENTION))
    points = runs.groupby("cells")["auroc"].mean()
    return points.index.to_numpy(float), points.to_numpy()


def test_fits_exact_intervals_and_bootstrap_agree(mirror_dir):
    n, y = archived_points(mirror_dir)
    found = fit("linear", n, y)
    limits = bootstrap_params(n, found, 1500, np.random.default_rng(0))
    for key in found.params:
        half_t = (found.high[key] - found.low[key]) / 2
        half_drawn = (limits[key][1] - limits[key][0]) / 2
        # The bootstrap takes the noise as known: normal instead of t(7) quantiles.
        assert half_drawn == pytest.approx(half_t * 1.960 / 2.365, rel=0.08)


def test_nine_points_cannot_tell_the_curves_apart(mirror_dir):
    n, y = archived_points(mirror_dir)
    fits = fit_all(n, y)
    aicc = {name: round(found.aicc, 1) for name, found in fits.items()}
    assert aicc == {"exponential saturation": -66.7, "logarithmic": -69.2, "linear": -61.3}
    rng = np.random.default_rng(1)
    rates = [
        selection_rates(n, fits[name], 150, rng)["logarithmic"]
        for name in ("exponential saturation", "logarithmic")
    ]
    assert min(rates) > 0.8


def test_scaling_archive_is_not_the_six_layer_model(mirror_dir):
    runs, about = read_scaling(from_folder(mirror_dir / ATTENTION))
    assert about["best_layer"] == 13
    assert runs.groupby("cells").size().eq(2).all()
