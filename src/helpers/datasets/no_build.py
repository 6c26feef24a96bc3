"""A build backend that builds nothing: it lets pip download a source distribution untouched.

``pip download`` asks the build backend of a source distribution for its metadata, and that runs
code of the distribution. We only want the file, so this module is handed to pip in place of the
backend (see ``fetch.py``): it writes name and version, and executes nothing of the distribution.
It runs in pip's own subprocess and imports only the standard library.
"""

from __future__ import annotations

import sys
from email.parser import HeaderParser
from pathlib import Path


def get_requires_for_build_wheel(config_settings: dict | None = None) -> list[str]:
    """Return no requirements."""
    return []


def prepare_metadata_for_build_wheel(folder: str, config_settings: dict | None = None) -> str:
    """Write the least metadata that pip accepts, from the static ``PKG-INFO`` of the source."""
    stated = HeaderParser().parsestr(Path("PKG-INFO").read_text(encoding="utf-8"))
    name, version = stated["Name"], stated["Version"]
    target = Path(folder) / f"{name.replace('-', '_')}-{version}.dist-info"
    target.mkdir()
    text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (target / "METADATA").write_text(text, encoding="utf-8")
    return target.name


# Distributions without pyproject.toml are given to ``setuptools.build_meta:__legacy__``.
__legacy__ = sys.modules[__name__]
