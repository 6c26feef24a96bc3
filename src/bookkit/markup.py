"""Write a page of the book with fewer bytes: the browser makes the same of it.

Left out are what browsers refuse or screen readers stumble over, marks of colour that say nothing,
and what a cell of a table says of its number twice; quotes, indents, comments and ends of elements
that need none go with minify-html.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from minify_html import minify

_PRELOAD = re.compile(r'<link rel="preload" as="font"[^>]*>\s*')  # refused for files on disk
_LIST = re.compile(r'(?<=<div )role="list" (?=class="citation-list")')  # its entries are no items
_CODE = re.compile(r"<pre\b.*?</pre>", re.DOTALL)
_NUMBER = re.compile(r"<td class='num( more)?' data-sort='([^']*)'>([^<]*)(?=<)")
_STYLED = re.compile(r"<(t[dh])(?: (?:class|data-sort|scope)='[^']*')+>")
_SIGNATURE = re.compile(r'<dt class="sig .*?</dt>', re.DOTALL)
_AGAIN = re.compile(r'(<span class="(\w+)">[^<]*)</span>(\s*)<span class="\2">')
_WHOLE = re.compile(r'<span class="pre">([\w.,:()[\]]*)</span>')  # no place to break a line at


def smaller(page: str, colourless: Iterable[str] = ()) -> str:
    """Return a page of HTML, as text, with the same content and fewer bytes.

    Parameters
    ----------
    page
        As Sphinx has written it.
    colourless
        Classes of code that look like what is around them.
    """

    def fewer(code: re.Match) -> str:
        return one_mark(without_marks(code[0], colourless))

    page = _WHOLE.sub(r"\1", _LIST.sub("", _PRELOAD.sub("", page)))
    page = _SIGNATURE.sub(_plainer, _NUMBER.sub(_number, page))
    return minify(
        _CODE.sub(fewer, page),
        keep_html_and_head_opening_tags=True,
        keep_input_type_text_attr=True,
    )


def _plainer(signature: re.Match) -> str:
    return without_marks(without_marks(signature[0], ["pre"]), ["n", "p", "w"])


def without_marks(page: str, classes: Iterable[str]) -> str:
    """Return a page without the spans of these classes around single words of code.

    Examples
    --------
    >>> without_marks('<span class="n">x</span><span class="o">=</span>', ["n"])
    'x<span class="o">=</span>'
    """
    if not (names := "|".join(sorted(classes))):
        return page
    return re.sub(rf'<span class="(?:{names})">([^<]*)</span>', r"\1", page)


def one_mark(page: str) -> str:
    r"""Return a page in which neighbours of one colour share a mark.

    Examples
    --------
    >>> one_mark('<span class="s">a</span>\n<span class="s">b</span>')
    '<span class="s">a\nb</span>'
    """
    before = ""
    while before != page:
        before, page = page, _AGAIN.sub(r"\1\3", page)
    return page


def bare_cells(table: str) -> str:
    """Return a table without what only the book's style and script read.

    Examples
    --------
    >>> bare_cells("<tr><th scope='row'>a</th><td class='num' data-sort='1.04'>1.0</td></tr>")
    '<tr><th>a</th><td>1.0</td></tr>'
    """
    return _STYLED.sub(r"<\1>", table)


def _number(found: re.Match) -> str:
    """Return the start of a cell: what to sort by only where it is not what is shown."""
    more, exact, shown = found.groups()
    try:
        same = float(shown.replace(",", "").replace("\u2212", "-")) == float(exact)
        exact = f"{float(exact):.6g}"
    except ValueError:
        return found[0]
    if same:
        return f"<td class='num{more or ''}'>{shown}"
    return f"<td{' class=more' if more else ''} data-sort={exact}>{shown}"
