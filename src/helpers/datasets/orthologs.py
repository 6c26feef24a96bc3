"""Cells of two species with genes that correspond one to one, under the names of the first."""

from __future__ import annotations

from pathlib import Path

import anndata as ad
import pandas as pd

from helpers.datasets.cells import load
from helpers.datasets.identifiers import OTHER
from helpers.datasets.own import in_words, open_own, with_roles
from helpers.datasets.vocabularies import load_orthologs
from helpers.errors import DataError
from helpers.schema import foreign

MOST_SHARED_NAMES = 0.5
"""Largest share of gene names that two species may have in common as they are spelt."""


def ortholog_table(path: str = "") -> pd.DataFrame:
    """Return pairs of orthologs, columns ``first`` and ``second``; each gene stands once.

    Parameters
    ----------
    path
        CSV (ending ``.csv``) or TSV whose first two columns are gene names of the first and of the
        second species; if empty, human and mouse from Ensembl (`load_orthologs`).

    Raises
    ------
    DataError
        If the file cannot be read, has fewer than two columns, or names a gene twice.
    """
    if not path:
        table = load_orthologs()[["human", "mouse"]]
    else:
        file = Path(path).expanduser()
        if not file.is_file():
            raise DataError(f"there is no file of orthologs {file.name}")
        with foreign(file.name, again="give a table of two columns"):
            table = pd.read_csv(file, sep="," if file.suffix == ".csv" else "\t", dtype=str)
        if table.shape[1] < 2:
            raise DataError(f"{file.name}: two columns of gene names are needed")
        table = table.iloc[:, :2].dropna()
    table = table.set_axis(["first", "second"], axis=1).drop_duplicates().reset_index(drop=True)
    for side in table:
        if len(twice := table.loc[table[side].duplicated(), side].unique()):
            shown = in_words(twice)
            raise DataError(
                f"orthologs are not one to one: {len(twice)} genes stand twice ({shown})"
            )
    return table


def species_cells(
    data: str, organism: str, as_they_stand: bool, symbols: str = "", **roles: str
) -> ad.AnnData:
    """Return cells of a registered set or of a file under the gene names of their own species.

    Parameters
    ----------
    data
        Name of a set, or path of a file (a name with a slash or a dot).
    organism
        ``human`` or ``mouse``, whose symbols a file must have.
    as_they_stand
        Whether names of a file are taken as they are, for an ortholog table of one's own.
    symbols, **roles
        Columns, as for `helpers.datasets.own.open_own`.

    Raises
    ------
    DataError
        If the cells cannot be read or are of another species.
    """
    if "/" not in data and "." not in data:
        cells = load(data)
        cells.obs = with_roles(cells.obs, data, **roles)
        return cells
    own = open_own(data, OTHER if as_they_stand else organism, symbols, **roles)
    if not as_they_stand and own.genes.species != organism:
        raise DataError(f"{own.name}: the genes are {own.genes.species}, not {organism}")
    return own.take(range(own.n_obs))


def two_species(
    first: ad.AnnData, second: ad.AnnData, orthologs: pd.DataFrame
) -> tuple[ad.AnnData, ad.AnnData]:
    """Return both sets with their one-to-one orthologs only, genes in one order and of one name.

    Parameters
    ----------
    first, second
        Counts (layer ``counts``), ``var_names`` of their own species.
    orthologs
        From `ortholog_table`.

    Returns
    -------
    tuple of anndata.AnnData
        ``var_names`` are those of the first species, ``var["as_in_file"]`` the original ones.

    Raises
    ------
    DataError
        If both hold the same gene names, and so look like one species, or share no ortholog.
    """
    names = first.var_names.astype(str), second.var_names.astype(str)
    common = names[1].isin(names[0]).mean()
    if common > MOST_SHARED_NAMES:
        raise DataError(
            f"{common:.0%} of the gene names of the second set stand in the first as they are "
            "spelt: these look like cells of one species, not of two"
        )
    held = orthologs["first"].isin(names[0]) & orthologs["second"].isin(names[1])
    pairs = orthologs[held]
    if pairs.empty:
        raise DataError(f"none of {len(orthologs)} pairs of orthologs is in both sets")
    found = []
    for cells, side in ((first, "first"), (second, "second")):
        part = cells[:, pairs[side].to_numpy()].copy()
        part.var["as_in_file"] = part.var_names.astype(str)
        part.var_names = pairs["first"].to_numpy()
        found.append(part)
    return found[0], found[1]
