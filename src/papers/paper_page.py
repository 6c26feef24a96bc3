"""Pages that set their results beside those of a paper."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

import bookkit
from helpers.errors import RunError
from papers import compare, links
from papers.archives.locate import Locate, locator, missing_message
from papers.claims import claim_of


class PaperPage(bookkit.Page):
    """A page that also looks for archives, compares printed figures, and answers claims."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._answered: set[str] = set()

    def archive(self, group: str, *files: str, key: str = "archive/present") -> Locate | None:
        """Return where a paper's archived results are, or ``None`` where they are not here.

        The page may ask ``{when} archive/present == true``.

        Parameters
        ----------
        group, *files
            As for `papers.archives.locate.missing_message`.
        key
            Under which the answer is stored; another one where a page reads several archives.
        """
        locate = locator(group)
        missing = missing_message(locate, *files)
        self.value(key, not missing)
        return None if missing else locate

    def compare(
        self, claim: str, found: pd.DataFrame | Mapping[str, float], **meta: Any
    ) -> compare.Comparison:
        """Set recomputed figures beside the printed ones: stored, shown, linked to the ledger.

        Parameters
        ----------
        claim, found, **meta
            As for `papers.compare.compare`.
        """
        made = compare.compare(claim, found, **meta)
        for key, entry in made.entries().items():
            self.value(key, entry.pop("value"), **entry)
        caption = f"{made.n_match} of {made.n_figures} printed figures are reproduced"
        name = re.sub(r"[^A-Za-z0-9_-]", "-", claim)
        self.table(made.table(), f"printed-{name}", caption=f"{claim}: {caption}")
        self.answers(*made.claims)
        return made

    def answers(self, *claims: str) -> None:
        """Show links to ledger entries; the ledger points back to this place.

        Raises
        ------
        RunError
            If no value so far names a claim: the ledger finds its answers in the stored values.
        """
        if unanswered := [claim for claim in claims if claim not in self._named()]:
            raise RunError(
                f"{self.name}: no value names the claims {unanswered}; store one with claim=... "
                "before, or link them by `concerns`"
            )
        self.say(links.to_claims(claims, self._answered))
        self._answered.update(claims)

    def concerns(self, *claims: str) -> None:
        """Show links to ledger entries that this place is about and does not answer."""
        self.say(f"In the ledger: {', '.join(links.to_claim(claim) for claim in claims)}.")

    def finish(self) -> None:
        """Check that the ledger can point at the place of every answer, then finish as any page.

        Raises
        ------
        RunError
            If a value names a claim that the page never links by `answers`.
        """
        if unplaced := sorted(self._named() - self._answered):
            raise RunError(f"{self.name}: values name {unplaced}; say where by run.answers(...)")
        super().finish()

    def _named(self) -> set[str]:
        return {claim_of(entry["claim"]) for entry in self.values.values() if "claim" in entry}


page = partial(bookkit.page, kind=PaperPage)
"""Start the page of a notebook, as `bookkit.recording.page` does."""
