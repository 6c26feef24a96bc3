"""Cosines of token embeddings against the tables of both families."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from helpers.edges.embeddings import embedding_edges
from helpers.errors import DataError
from helpers.models.load import load_model
from helpers.reading import draw_cells


def test_embeddings_are_those_of_the_tokens():
    cells = draw_cells("baron", 20, 0)
    adapter = load_model("scgpt-baron")
    tokens = adapter.tokenise(cells[:, cells.var["read_by_models"]].copy())
    held = np.unique(np.concatenate(tokens.genes))
    genes = [str(tokens.gene_names[k]) for k in held[held >= 0][:5]]
    found = embedding_edges(adapter, tokens, genes)
    weight = adapter.module.encoder.embedding.weight.detach().numpy()
    own = weight[[adapter.vocabulary[gene] for gene in genes]].astype(float)
    by_hand = 1 - squareform(pdist(own, "cosine"))
    np.testing.assert_allclose(found.values, by_hand, atol=1e-9)
    with pytest.raises(DataError, match="token of no cell"):
        embedding_edges(adapter, tokens, ["NO-SUCH-GENE"])


def test_embeddings_of_geneformer_are_its_word_embeddings():
    cells = draw_cells("baron", 20, 0)
    adapter = load_model("geneformer-baron")
    tokens = adapter.tokenise(cells[:, cells.var["read_by_models"]].copy())
    first = [int(k) for k in tokens.genes[0] if k >= 0][:3]
    ids = [int(i) for i, k in zip(tokens.ids[0], tokens.genes[0], strict=True) if k in first]
    order = [int(k) for k in tokens.genes[0] if k in first]
    found = embedding_edges(adapter, tokens, [str(tokens.gene_names[k]) for k in order])
    weight = adapter.module.get_input_embeddings().weight.detach().numpy()[ids].astype(float)
    np.testing.assert_allclose(found.values, 1 - squareform(pdist(weight, "cosine")), atol=1e-9)
