"""What concerns four papers: their claims, archived results, checks and ledger.

Built on `helpers`, which knows nothing of it: pages import it, and `pyproject.toml` names what it
adds to the command line and to the fingerprints of pages (`[project.entry-points]`).
"""

from helpers.lazy import exports

EXPORTS = {"paper_page": ("PaperPage", "page")}

__getattr__, __dir__, __all__ = exports(__name__, EXPORTS)
