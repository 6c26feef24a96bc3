"""The published tables, recounted."""

from __future__ import annotations

import numpy as np

from papers.audit import audit, parse_p, published_table, raw_p_for, recount
from papers.claims import printed
from papers.completions import smallest_m


def test_the_published_table_recounts_as_it_must():
    table = published_table()
    assert (len(table.rows), len(table.with_p), table.missing, table.silent) == (43, 34, 4, 9)
    rows, found = recount(table)
    q = rows.drop_duplicates("test").set_index("test")[["q_low", "q_high"]].round(4)
    assert q.loc["Scaling failure TRRUST"].tolist() == [0.0039, 0.0047]
    assert q.loc["Overall directionality"].tolist() == [0.1031, 0.1184]
    assert q.loc["Dixit 13-day adjusted"].tolist() == [0.0362, 0.0427]
    assert found.n_significant == (23, 24, 25, 26, 27)
    assert found.unknown_significant == (3,)


def test_26_of_47_need_the_row_at_0_020():
    table = published_table()
    p = table.with_p["high"].to_numpy()
    position = int(np.flatnonzero(p == 0.020)[0])
    # BH is a step-up rule: were this row not called, no row with a larger p could be
    assert (p < 0.020).sum() + table.missing == 25
    assert smallest_m(p, position) == 56


def test_raw_p_of_the_lost_cssi_row():
    low, high = raw_p_for(printed("registry/cssi-real-q"), published_table(), 26)
    assert low <= 0.033 <= high
    assert raw_p_for(printed("registry/cssi-real-q"), published_table(), 40) is None


def test_audit_verdicts():
    verdicts = audit().set_index("claim")["verdict"].to_dict()
    assert verdicts["multiplicity/q-scaling"] == "does not recompute"
    assert verdicts["multiplicity/q-pseudotime"] == "does not recompute"
    assert verdicts["multiplicity/q-mediation"] == "recomputes"
    assert verdicts["multiplicity/q-ortholog"] == "bound only"
    assert verdicts["registry/significant-count"] == "recomputes"
    assert verdicts["perturbation/survivors"] == "does not recompute"
    assert verdicts["registry/robust-scaling"] == "not checkable"


def test_printed_p_are_parsed():
    assert parse_p("<0.001") == (0.0, 0.001)
    assert parse_p("> 0.3") == (0.3, 1.0)
    assert parse_p("0.024") == (0.024, 0.024)
    assert np.isnan(parse_p(None)).all()
