"""Links between published figures, the pages that recompute them, and the code that does it.

Pages of notebooks lie side by side in the built book; the source code of the package lies beside
their folder. Links are HTML, because they go into text that a notebook displays.
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterable

LEDGER = "91_claim_ledger"
CHECKS = "92_published_numbers"
_ODD = re.compile(r"[^\w.+-]+")


def claim_anchor(claim_id: str) -> str:
    """Return the fragment of a claim's entry in the ledger."""
    return "claim-" + claim_id.replace("/", "-")


def answer_anchor(claim_id: str) -> str:
    """Return the fragment of the place, on a notebook's page, that answers a claim."""
    return "answer-" + claim_id.replace("/", "-")


def check_anchor(check_id: str) -> str:
    """Return the fragment of a check's entry on the page of printed numbers."""
    return "check-" + _ODD.sub("-", check_id)


def to_claim(claim_id: str, *, answers: bool = False) -> str:
    """Return a link to a claim in the ledger.

    Parameters
    ----------
    claim_id
        Identifier of the claim.
    answers
        Whether the link is also the place that the ledger points back to; once a page and claim.
    """
    place = f' id="{answer_anchor(claim_id)}"' if answers else ""
    href = f"{LEDGER}.html#{claim_anchor(claim_id)}"
    return f'<a{place} href="{href}"><code>{html.escape(claim_id)}</code></a>'


def to_claims(claim_ids: Iterable[str], anchored: Collection[str] = ()) -> str:
    """Return the line under a recomputed table: the ledger entries that it answers.

    Claims in `anchored` are answered further up on the same page; the ledger points there.
    """
    found = [to_claim(one, answers=one not in anchored) for one in dict.fromkeys(claim_ids)]
    return f"Answers in the ledger: {', '.join(found)}." if found else ""


def to_answer(notebook: str, claim_id: str = "") -> str:
    """Return a link to a notebook's page, to the place that answers a claim if one is given."""
    fragment = f"#{answer_anchor(claim_id)}" if claim_id else ""
    return f'<a href="{notebook}.html{fragment}">{notebook}</a>'


def to_check(check_id: str) -> str:
    """Return a link to a check of printed numbers."""
    return f'<a href="{CHECKS}.html#{check_anchor(check_id)}">{html.escape(check_id)}</a>'


def to_code(function: str) -> str:
    """Return links to the source code of a function and to its documentation.

    Parameters
    ----------
    function
        Dotted name, for example ``"papers.decided.of_draws"``.
    """
    module, _, name = function.rpartition(".")
    package, room, *_ = module.split(".")
    source = f"../_modules/{module.replace('.', '/')}.html#{name}"
    reference = f"api_{package if package != 'helpers' else room}.html#{function}"
    code = f"<code>{html.escape(function)}</code>"
    return f'<a href="{source}">{code}</a> (<a href="{reference}">documented</a>)'
