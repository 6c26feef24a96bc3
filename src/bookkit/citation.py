"""The page that tells how to cite the book, made from ``CITATION.cff``."""

from __future__ import annotations

from pathlib import Path

import yaml

FILE = "CITATION.cff"

_PAGE = """\
(cite)=
# How to Cite

:::{{admonition}} Citation
:class: tip
{authors} ({year}). *{title}.* Version {version}.
:::

```bibtex
@software{{attention_audit_{year},
  author  = {{{{{authors}}}}},
  title   = {{{title}}},
  year    = {{{year}}},
  version = {{{version}}}
}}
```

The file `CITATION.cff` of the repository holds the same for reference managers.

A result has authors besides those of the book.
Cite the papers whose claims a page examines, and the data sets and methods that it names; {{ref}}`bibliography` has them all, and the {{ref}}`data cards <data-cards>` the licences.
State the profile and the parameters, which stand at the top of a page, and the fingerprint from the fold *Provenance of this page* at its foot.

Code is under the MIT licence, prose and figures under CC BY 4.0.
"""  # noqa: E501


def page(root: Path) -> str:
    """Return the page as Markdown.

    Parameters
    ----------
    root
        Folder with ``CITATION.cff``.
    """
    stated = yaml.safe_load((root / FILE).read_text(encoding="utf-8"))
    return _PAGE.format(
        authors=" and ".join(author["name"] for author in stated["authors"]),
        year=str(stated["date-released"])[:4],
        title=stated["title"],
        version=stated["version"],
    )
