"""The two synthetic designs behind the published tests of state-wise aggregation (CSSI)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.errors import DataError

N_TFS, N_TARGETS = 5, 25
SHARED_EDGES, PRIVATE_BUDGET, LEAST_PRIVATE = 2, 12, 2
T4_GENES, T4_EDGES, T4_CALLS = 50, 20, 40
T4_SIGNAL, T4_NOISE, T4_SPREAD = 0.4, 0.5, 0.1


@dataclass(frozen=True)
class Configuration:
    """One row of the published tables: a name, the number of states, and cells for each state."""

    name: str
    n_states: int
    cells_per_state: int

    @property
    def n_cells(self) -> int:
        """Return the number of cells."""
        return self.n_states * self.cells_per_state


T2_CONFIGURATIONS = (
    Configuration("Small", 2, 100),
    Configuration("Medium", 4, 100),
    Configuration("Large", 6, 100),
    Configuration("XLarge", 8, 125),
    Configuration("XXLarge", 10, 100),
    Configuration("Massive", 12, 125),
)


T2_EXPECT = {
    "private": {
        **{f"11.{i}": "reject" for i in (1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12)},
        "11.15": "not reject",
    },
    # with every edge in all states, a maximum over states adds noise and no edge
    "shared": {"11.7": "not reject", "11.15": "not reject"},
}
"""Design T2 -> test id -> what the test must find (`t2_draw` with and without ``private``)."""


@dataclass(frozen=True)
class T2Draw:
    """One draw of design T2.

    Attributes
    ----------
    expression
        Cells x 30, Gaussian; the first 5 columns are TFs, the other 25 targets.
    state
        Cells: state number.
    truth
        5 x 25, boolean; row = TF, column = target.
    edges
        ``tf, target, state``; numbers, state -1 = acts in every state.
    seed
        The seed value used, ``100 * seed + n_states``.
    """

    expression: np.ndarray
    state: np.ndarray
    truth: np.ndarray
    edges: pd.DataFrame
    seed: int


@dataclass(frozen=True)
class T4Draw:
    """One draw of design T4.

    Attributes
    ----------
    scores
        Cells x 50 x 50, float32: an edge score for each cell; row = source, column = target.
    state
        Cells: state number.
    half
        Cells, boolean: True = first half (aggregator chosen), False = second (scored). Both
        halves hold the states in the same shares, to within one cell.
    truth
        50 x 50, boolean; the diagonal is never an edge.
    n_calls
        Pairs to call (40), so that F1 is at most 2/3.
    seed
        The seed value used, ``100 * seed + n_states``.
    """

    scores: np.ndarray
    state: np.ndarray
    half: np.ndarray
    truth: np.ndarray
    n_calls: int
    seed: int


def t2_draw(
    n_states: int,
    cells_per_state: int,
    seed: int,
    *,
    effect: float = 0.5,
    private: bool = True,
) -> T2Draw:
    """Draw design T2: regulation in some states only.

    Each state has ``max(2, 12 // S)`` edges of its own, disjoint between states, and 2 edges act
    in every state. Expression is N(0, 1); inside its state, a target gains ``effect`` times its
    TF. Numbers come from numpy's legacy generator, seeded ``100 * seed + S``; with it the means
    of ten draws lie within the published standard deviations.

    Parameters
    ----------
    n_states, cells_per_state
        S, and the number of cells in each state.
    seed
        Number of the draw (0 to 9 in the publication).
    effect
        Regression coefficient of a target on its TF; 0 = no signal.
    private
        False = all edges act in every state (the control without state dependence).

    Raises
    ------
    DataError
        If the edges do not fit in the 125 candidate pairs, or a size is below 1.
    """
    _check(n_states, cells_per_state, seed)
    per_state = max(LEAST_PRIVATE, PRIVATE_BUDGET // n_states)
    n_edges = per_state * n_states + SHARED_EDGES
    if n_edges > N_TFS * N_TARGETS:
        raise DataError(
            f"Design T2 with {n_states} states needs {n_edges} edges; "
            f"there are {N_TFS * N_TARGETS} candidate pairs."
        )
    value = 100 * seed + n_states
    rng = np.random.RandomState(value)
    pair = rng.permutation(N_TFS * N_TARGETS)[:n_edges]
    home = np.append(np.repeat(np.arange(n_states), per_state), np.full(SHARED_EDGES, -1))
    if not private:
        home = np.full(n_edges, -1)
    state = np.repeat(np.arange(n_states), cells_per_state)
    expression = rng.standard_normal((state.size, N_TFS + N_TARGETS))
    tf, target = np.divmod(pair, N_TARGETS)
    for i, j, where in zip(tf, target, home, strict=True):
        cells = (state == where) | (where == -1)
        expression[cells, N_TFS + j] += effect * expression[cells, i]
    truth = np.zeros((N_TFS, N_TARGETS), dtype=bool)
    truth[tf, target] = True
    edges = pd.DataFrame({"tf": tf, "target": target, "state": home})
    return T2Draw(expression, state, truth, edges, value)


def t4_draw(n_states: int, cells_per_state: int, seed: int, *, signal: float = T4_SIGNAL) -> T4Draw:
    """Draw design T4: scores for each cell, with each true edge present in one state.

    Scores are N(0, 0.5). Each of 20 true edges belongs to one state, taken in turn so that states
    are balanced; in the cells of that state its score gains ``signal * (1 + 0.1 N(0, 1))``.

    Parameters
    ----------
    n_states, cells_per_state
        S, and the number of cells in each state.
    seed
        Number of the draw.
    signal
        Mean gain; 0 = no signal.

    Raises
    ------
    DataError
        If a size is below 1, or a state has fewer than 2 cells (one for each half).
    """
    _check(n_states, cells_per_state, seed)
    if cells_per_state < 2:
        raise DataError("Design T4 splits each state in two halves; cells_per_state must be >= 2.")
    value = 100 * seed + n_states
    rng = np.random.default_rng(value)
    state = np.repeat(np.arange(n_states), cells_per_state)
    n_cells = state.size
    scores = rng.standard_normal((n_cells, T4_GENES, T4_GENES), dtype=np.float32)
    scores *= np.float32(T4_NOISE)
    off_diagonal = np.flatnonzero(~np.eye(T4_GENES, dtype=bool))
    chosen = rng.permutation(off_diagonal)[:T4_EDGES]
    row, column = np.divmod(chosen, T4_GENES)
    for number, (i, j) in enumerate(zip(row, column, strict=True)):
        cells = np.flatnonzero(state == number % n_states)
        gain = signal * (1.0 + T4_SPREAD * rng.standard_normal(cells.size))
        scores[cells, i, j] += gain.astype(np.float32)
    truth = np.zeros((T4_GENES, T4_GENES), dtype=bool)
    truth[row, column] = True
    half = np.zeros(n_cells, dtype=bool)
    for number in range(n_states):
        cells = rng.permutation(np.flatnonzero(state == number))
        # The odd cell goes to either half in turn.
        half[cells[: (cells.size + number % 2) // 2]] = True
    return T4Draw(scores, state, half, truth, T4_CALLS, value)


def _check(n_states: int, cells_per_state: int, seed: int) -> None:
    for name, number, least in (
        ("n_states", n_states, 1),
        ("cells_per_state", cells_per_state, 1),
        ("seed", seed, 0),
    ):
        if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < least:
            raise DataError(f"Design T2/T4: {name} is {number!r}; expected an integer >= {least}.")
