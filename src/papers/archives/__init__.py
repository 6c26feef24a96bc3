"""Readers of published result archives: files of other people's runs, turned into tidy tables.

Nothing of an archive is part of this project. A reader takes a `Locate` function, which turns a
path inside the archive into a path on this machine, and returns a table; it computes nothing
beyond parsing.
"""

from papers.archives.locate import Locate, from_folder, locator, missing_message

__all__ = ["Locate", "from_folder", "locator", "missing_message"]
