"""The example of the README: a BERT whose attention is a compiled pattern gives the embeddings of NumPy attention."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python/examples"))

import sentence_encoder  # noqa: E402

TEXTS = ["one", "a few words, and a comma", " ".join(["a longer text that fills more than one tile of keys"] * 9)]


def test_embeddings_are_equal():
    model = sentence_encoder.RandomModel()
    compiled, plain = sentence_encoder.CompiledAttention(32), sentence_encoder.numpy_attention
    got, expected = (sentence_encoder.Encoder(model, a)(TEXTS) for a in (compiled, plain))
    np.testing.assert_allclose(got, expected, atol=1e-5)
    assert np.abs(expected[0] - expected[1]).max() > 1e-3  # different texts, different embeddings


def test_padding_does_not_matter():
    encoder = sentence_encoder.Encoder(sentence_encoder.RandomModel(), sentence_encoder.CompiledAttention(32))
    np.testing.assert_allclose(encoder(TEXTS)[:2], encoder(TEXTS[:2]), atol=1e-5)
