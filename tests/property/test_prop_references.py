"""Merging of repeated edges against a plain dictionary."""

from __future__ import annotations

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from helpers.datasets.repair import merge_duplicates

rows = st.lists(
    st.tuples(
        st.sampled_from("ABC"),
        st.sampled_from("ABC"),
        st.sampled_from([-1, 0, 1]),
        st.sampled_from("ABCD"),
        st.integers(0, 9),
    ),
    min_size=1,
    max_size=30,
)


@given(rows)
def test_merging_equals_a_dictionary_of_sets(given_rows):
    columns = ["source", "target", "sign", "confidence", "evidence"]
    table = pd.DataFrame(given_rows, columns=columns).assign(database="D")
    merged, removed = merge_duplicates(table)
    groups: dict[tuple[str, str], list[tuple]] = {}
    for row in given_rows:
        groups.setdefault(row[:2], []).append(row)
    assert removed == len(given_rows) - len(groups)
    assert [tuple(pair) for pair in merged[["source", "target"]].values] == sorted(groups)
    for one in merged.itertuples():
        group = groups[(one.source, one.target)]
        signs = {row[2] for row in group} - {0}
        assert one.sign == (signs.pop() if len(signs) == 1 else 0)
        assert one.confidence == min(row[3] for row in group)
        assert one.evidence == max(row[4] for row in group)
