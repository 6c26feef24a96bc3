"""Geneformer tokenisation: genes in falling order of expression over their typical expression.

A gene's rank value is its count divided by the median of its non-zero, library-size-scaled counts
over the pretraining corpus (Theodoris et al., Nature 2023). The cell's own library size is one
factor for all genes and leaves the order as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp
from anndata import AnnData
from tqdm import tqdm

from helpers.errors import ModelError
from helpers.models.adapter import Tokens
from helpers.models.cells import counts_by_cell, warn_if_poor_cover


@dataclass(frozen=True)
class Dictionaries:
    """What turns genes into Geneformer tokens.

    Attributes
    ----------
    tokens
        Token number of each gene identifier and special token.
    medians
        Typical expression of each gene identifier, positive.
    mapping
        Other identifiers of a gene, to the one the tokens use (second version only).
    names
        Gene symbol to identifier, for AnnData without identifiers.
    """

    tokens: dict[str, int]
    medians: dict[str, float]
    mapping: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def __post_init__(self):
        for name in ("<pad>", "<mask>"):
            if name not in self.tokens:
                raise ModelError(f"token dictionary: the special token {name} is missing")
        if ("<cls>" in self.tokens) != ("<eos>" in self.tokens):
            raise ModelError("token dictionary: <cls> and <eos> come together or not at all")
        if bad := [k for k, v in self.medians.items() if not (np.isfinite(v) and v > 0)]:
            raise ModelError(f"median dictionary: {len(bad)} medians are not positive, {bad[:5]}")

    @property
    def special(self) -> bool:
        """Whether cells begin with ``<cls>`` and end with ``<eos>`` (second version)."""
        return "<cls>" in self.tokens

    def identify(self, adata: AnnData) -> np.ndarray:
        """Return the dictionary's identifier of each gene, "" where it knows none.

        ``var["ensembl_id"]`` comes first (a version suffix is cut), then ``var_names`` as they
        are, then the symbol through `names`; each also through `mapping`.
        """
        known = self.tokens.keys() & self.medians.keys()
        given = adata.var.get("ensembl_id")
        listed = [""] * adata.n_vars if given is None else given.fillna("").astype(str).tolist()
        found = []
        for identifier, symbol in zip(listed, adata.var_names.astype(str), strict=True):
            candidates = (identifier, identifier.split(".")[0].upper(), symbol)
            candidates += (self.names.get(symbol, ""),)
            mapped = (self.mapping.get(c, self.mapping.get(c.upper(), c)) for c in candidates if c)
            found.append(next((m for m in mapped if m in known), ""))
        return np.array(found, dtype=object)


def tokenise(adata: AnnData, dictionaries: Dictionaries, *, max_length: int) -> Tokens:
    """Tokenise cells for Geneformer.

    Counts of genes that share an identifier are summed, and the token is shown as the first of
    them. Genes of equal value follow the order of their token numbers, so the order of genes in
    the AnnData changes nothing (the published tokeniser leaves ties to an unstable sort).

    Parameters
    ----------
    adata
        Counts in ``layers["counts"]`` (else ``X``).
    dictionaries
        Tokens, medians and identifier tables.
    max_length
        Most tokens of a cell, special tokens included; the lowest ranks are cut.

    Raises
    ------
    ModelError
        If no gene is known or counts are negative or not finite.
    """
    identifiers = dictionaries.identify(adata)
    columns = np.flatnonzero(identifiers != "")
    warn_if_poor_cover(len(columns), adata.n_vars, "token dictionary")
    unique, first, group = np.unique(
        identifiers[columns].astype(str), return_index=True, return_inverse=True
    )
    shown = columns[first]
    numbers = np.array([dictionaries.tokens[name] for name in unique], dtype=np.int64)
    medians = np.array([dictionaries.medians[name] for name in unique], dtype=np.float64)
    by_identifier = sp.csr_matrix(
        (np.ones(len(columns)), (columns, group)), shape=(adata.n_vars, len(unique))
    )
    counts = sp.csr_matrix(counts_by_cell(adata).astype(np.float64) @ by_identifier)
    special = dictionaries.special
    room = max_length - (2 if special else 0)
    if room < 1:
        raise ModelError(f"max_length {max_length} leaves no room for a gene")
    ids, genes, cells, empty, truncated = [], [], [], [], 0
    for row in tqdm(range(adata.n_obs), desc="Geneformer tokens", disable=adata.n_obs < 5000):
        span = slice(counts.indptr[row], counts.indptr[row + 1])
        present = counts.indices[span]
        if len(present) == 0:
            empty.append(row)
            continue
        values = counts.data[span] / medians[present]
        ranked = present[np.lexsort((numbers[present], -values))]
        truncated += len(ranked) > room
        ranked = ranked[:room]
        cell_ids, cell_genes = numbers[ranked], shown[ranked]
        if special:
            ends = dictionaries.tokens["<cls>"], dictionaries.tokens["<eos>"]
            cell_ids = np.concatenate([ends[:1], cell_ids, ends[1:]])
            cell_genes = np.concatenate([[-1], cell_genes, [-1]])
        ids.append(cell_ids)
        genes.append(cell_genes.astype(np.int64))
        cells.append(row)
    return Tokens(
        ids=ids,
        values=None,
        genes=genes,
        gene_names=adata.var_names.to_numpy().astype(str),
        cells=np.array(cells, dtype=int),
        report={
            "genes": adata.n_vars,
            "genes_in_vocabulary": len(columns),
            "genes_not_in_vocabulary": adata.var_names[identifiers == ""].tolist(),
            "genes_summed": len(columns) - len(unique),
            "empty_cells": empty,
            "truncated_cells": int(truncated),
            "max_length": max_length,
        },
    )
