import pytest

from helpers.errors import RegistryError
from papers.claims import NUMBER, load_claims, printed, printed_words, table_rows
from papers.figures import figures, unanswered


def test_every_claim_is_there_once():
    claims = load_claims()
    assert len(claims) == 373 + 138
    targets = [name for name in claims if name.startswith(("a2t/", "c2t/"))]
    assert len(targets) == 138
    assert {claim.paper for claim in claims.values()} == {"A", "A2", "B", "C"}


@pytest.mark.parametrize(
    ("path", "value", "low", "high"),
    [
        ("cssi/table2[Large].cssi_f1", 0.9, 0.8995, 0.9005),
        ("b/table5[Heads 5].random", 0.1163, 0.11625, 0.11635),
        ("coexpression/rho-p", 1e-50, 0.0, 1e-50),
        ("coexpression/regulatory-rho-p", 0.3, 0.3, float("inf")),
        ("pseudotime/immune-consistent#2", 22.8, 22.75, 22.85),
        ("pseudotime/immune-consistent#1", 114, 114, 114),
        ("perturbation/dixit13-rho#u0", 0.032, 0.0315, 0.0325),
        ("matched/attention-auroc#hi", 0.747, 0.7465, 0.7475),
        ("coexpression/rho-range#low", 0.31, 0.305, 0.315),
        ("cssi/table2[Small].ratio_printed#0", 1.13, 1.125, 1.135),
        ("ortholog/table8[500].fold", 114, 113.5, 114.5),
        ("a2/abstract-copy#5", 0.88, 0.875, 0.885),
        ("perturbation/available-targets#span", 48, 10, 86),
    ],
)
def test_printed_figures_carry_their_rounding(path, value, low, high):
    figure = printed(path)
    assert figure.value == pytest.approx(value)
    assert (figure.low, figure.high) == (pytest.approx(low), pytest.approx(high))


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("no/claim", "No claim"),
        ("cssi/table2[Large].f2", "no column"),
        ("cssi/table2[Huge].cssi_f1", "matches 0 rows"),
        ("b/table4[Heads].jaccard", "matches 3 rows"),
        ("coexpression/rho-p#1", "holds no number 1"),
        ("b/robust-pair#3", "holds no number 3"),
    ],
)
def test_a_path_that_names_nothing_is_an_error(path, words):
    with pytest.raises(RegistryError, match=words):
        printed(path)


def test_a_claim_without_a_table_has_no_rows():
    with pytest.raises(RegistryError, match="holds no table"):
        table_rows(load_claims()["coexpression/rho-p"])


def test_every_printed_figure_of_a_claim_has_a_path_that_leads_to_it():
    for claim in load_claims().values():
        found = figures(claim)
        assert len(found) == len(set(found)) > 0
        for path in found:
            try:
                printed(path)
            except RegistryError:  # a figure in words
                printed_words(path)


@pytest.mark.parametrize(
    ("claim", "answered", "left"),
    [
        ("leakage/immune", ["leakage/immune#0"], 1),
        ("cssi/best-heads", ["cssi/best-heads#0"], 0),
        ("baselines/auroc-band", ["baselines/auroc-band#span"], 0),
        ("scaling/table7", ["scaling/table7[linear].equation#1"], 5),
        ("coexpression/geneformer-cosine", ["coexpression/geneformer-cosine"], 1),
        ("scaling/exp-fit", ["scaling/exp-fit#0", "scaling/exp-fit#2"], 2),
    ],
)
def test_what_no_answer_covers_is_left(claim, answered, left):
    constants = {"scaling/exp-fit#1"}
    assert len(unanswered(load_claims()[claim], answered, constants)) == left


def test_targets_repeat_claims_that_print_the_same_numbers():
    for claim in load_claims().values():
        numbers = {abs(float(n.replace(",", ""))) for n in NUMBER.findall(str(claim.value))}
        for name in claim.repeats:
            assert numbers & {abs(printed(p).value) for p in figures(load_claims()[name])}, name
