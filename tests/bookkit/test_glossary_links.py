"""Words of the glossary are linked once a page, in prose only."""

from docutils import nodes
from docutils.core import publish_doctree

from bookkit.glossary_links import PAGES, link_words

TARGETS = {"edge score": "g#e", "edge": "g#d", "AUROC": "g#a", "donor": "g#o"}
TEXT = """\
Edge score
==========

Donors differ. An edge score and an edge; another edge. ``donor`` auroc, AUROCs and *donor*.

.. code::

   AUROC donor
"""


def links(text: str) -> dict[str, str]:
    tree = publish_doctree(text, settings_overrides={"doctitle_xform": False})
    link_words(tree, TARGETS)
    return {link.astext(): link["refuri"] for link in tree.findall(nodes.reference)}, tree


def test_first_uses_become_links_and_the_text_stays():
    found, tree = links(TEXT)
    assert found == {"Donors": "g#o", "edge score": "g#e", "edge": "g#d", "AUROCs": "g#a"}
    paragraph = next(iter(tree.findall(nodes.paragraph)))
    assert paragraph.astext().startswith("Donors differ. An edge score and an edge; another edge.")
    assert len(list(tree.findall(nodes.reference))) == 4


def test_parts_of_words_code_and_links_are_left_alone():
    found, _ = links("The knowl-edge, edges_of, `AUROC <x>`__ and ``donor``.\n")
    assert found == {"AUROC": "x"}


def test_only_pages_of_notebooks():
    assert PAGES.match("pages/10_coexpression") and not PAGES.match("pages/card_data_kang")
    assert not PAGES.match("book/primer")
