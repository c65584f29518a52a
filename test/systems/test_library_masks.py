"""Masks that users of other systems expect: every one against its definition in plain NumPy."""

import copy

import numpy as np
import pytest

from cases import Case, clamped, documents, draw, inline, integer
from ladder import check, check_random_calls, every_rung, every_rung_and_dtype, standard_tests
from problem import random_problem


def global_tokens(c, v):
    return (abs(c.q - c.k) <= v["radius"]) | (c.q < v["tokens"]) | (c.k < v["tokens"])


def dilated_window(c, v):
    steps = v["step"] * np.arange(v["window"])
    return np.isin(c.q - c.k, steps)


def strided(c, v):
    mask = np.zeros((c.q_len, c.kv_len), dtype=bool)
    for row, q in enumerate(c.q[:, 0]):
        mask[row] = [0 <= q - k < v["stride"] or q >= k and (q - k) % v["stride"] == 0 for k in c.k[0]]
    return mask


def fixed(c, v):
    """A query sees its own block, and of every earlier one the last `summary` keys."""
    stride, mask = v["stride"], np.zeros((c.q_len, c.kv_len), dtype=bool)
    for row, q in enumerate(c.q[:, 0]):
        own = q - q % stride
        for k in range(min(q + 1, c.kv_len)):
            mask[row, k] = k >= own or k % stride in range(stride - v["summary"], stride)
    return mask


def train_blocks(c, v):
    """The three parts of the training mask of block diffusion, for the noised rows and then the clean ones."""
    size, n = v["block"], v["clean"]
    mask = np.zeros((c.q_len, c.kv_len), dtype=bool)
    for row, q in enumerate(c.q[:, 0]):
        for k in range(c.kv_len):
            q_block, k_block = (q if q < n else q - n) // size, (k if k < n else k - n) // size
            if q < n:
                mask[row, k] = k_block == q_block if k < n else k_block < q_block
            else:
                mask[row, k] = k >= n and k_block <= q_block
    return mask


def sample_blocks(c, v):
    return c.k < (c.q // v["block"] + 1) * v["block"]


def images(rng, z):
    """Spans of text and images; `reach` is the end of the image, or of the token."""
    reach = np.zeros((z.batch, max(1, int(z.kv_lens.max()))), dtype=np.int32)
    for row in reach:
        at = 0
        while at < len(row):
            size, is_image = int(rng.integers(1, 40)), rng.random() < 0.5
            span = np.arange(at, min(at + size, len(row)))
            row[span] = at + size if is_image else span + 1
            at += size
    return {"reach": reach}


def multimodal(c, v):
    """Causal, and both ways between tokens of one image."""
    reach = v["reach"][c.b]
    image = np.full(len(reach) + 40, -1)  # an image may go on behind the last key
    for token, end in enumerate(reach):
        if end > token + 1:
            image[token:end] = end
    q = np.clip(c.q, 0, None)
    return (c.k <= q) | (image[q] == image[c.k]) & (image[q] >= 0)


def sliding_tile(c, v):
    """A query sees the tiles around its own; at the borders the window is that of the nearest inner tile."""
    grid = [v["frames"], v["height"], v["width"]]
    tile, window = ([v[f"{name}_{axis}"] for axis in "tyx"] for name in ("tile", "window"))

    def tiles(x):
        place = np.unravel_index(np.clip(x, 0, np.prod(grid) - 1), grid)
        return [p // t for p, t in zip(place, tile)]

    mask = np.ones((c.q_len, c.kv_len), dtype=bool)
    for q, k, cells, t, w in zip(tiles(c.q), tiles(c.k), grid, tile, window):
        center = np.clip(q, w // 2, cells // t - 1 - w // 2)
        mask &= abs(center - k) <= w // 2
    return mask


def branches(rng, z):
    """Continuations of a prompt: the prompt is branch 0."""
    shared = rng.integers(0, 60, z.batch).astype(np.int32)
    rows = np.arange(max(1, int(z.kv_lens.max())))[None, :]
    return {"shared": shared, "branch": np.where(rows < shared[:, None], 0, 1 + (rows - shared[:, None]) // 37).astype(np.int32)}


def shared_prefix(c, v):
    branch = v["branch"][c.b]
    return (c.k <= c.q) & ((c.k < v["shared"][c.b]) | (clamped(branch, c.q) == clamped(branch, c.k)))


def document_window(c, v):
    doc = v["doc"][c.b]
    return (c.k <= c.q) & (c.q - c.k < v["window"]) & (clamped(doc, c.q) == clamped(doc, c.k))


def draft(rng, z):
    """A tree for each request; a parent has a smaller number than its child."""
    parent = np.array([[rng.integers(-1, node) for node in range(NODES)] for _ in range(z.batch)], dtype=np.int32)
    return {"parent": parent}


def tree(c, v):
    """The draft tokens are the last keys; every query walks up from its own."""
    parent, first = v["parent"][c.b], c.kv_len - NODES
    mask = np.broadcast_to(c.k < first, (c.q_len, c.kv_len)).copy()
    for row, q in enumerate(c.q[:, 0]):
        node = q - first
        while node >= 0:
            mask[row, first + node] = True
            node = parent[node]
    return mask


def blocks(z, size):
    return -(-int(max(z.kv_rows, z.q_rows)) // size)


def csr(rng, z):
    """A random matrix of blocks of 16 x 8, as its lists."""
    keep = rng.random((blocks(z, 16), blocks(z, 8))) < 0.3
    return {"rows": np.concatenate([[0], keep.sum(axis=1).cumsum()]).astype(np.int32), "columns": np.nonzero(keep)[1].astype(np.int32)}


def csr_sizes(rng, z):
    """The operands are drawn after the parameters, from the same generator: a copy of it knows their sizes."""
    lists = csr(copy.deepcopy(rng), z)
    return {"q_block": 16, "k_block": 8, "bounds": len(lists["rows"]), "listed": len(lists["columns"])}


def block_list(c, v):
    keep = np.zeros((len(v["rows"]) - 1, int(c.kv_len) // 8 + 1 + max(v["columns"], default=0)), dtype=bool)
    for row in range(len(keep)):
        keep[row, v["columns"][v["rows"][row] : v["rows"][row + 1]]] = True
    return keep[c.q // 16, c.k // 8]


def flex_sizes(rng, z):
    return {"q_block": 16, "k_block": 8, "requests": z.batch, "heads": z.q_heads, "row_blocks": blocks(z, 16),
            "column_blocks": blocks(z, 8)}


def flex(rng, z):
    """Random key blocks of each request, head and query block; the rest of a row means nothing."""
    shape = (z.batch, z.q_heads, blocks(z, 16), blocks(z, 8))
    return {"num": rng.integers(0, shape[3] // 2 + 1, shape[:3]).astype(np.int32),
            "indices": rng.permuted(np.broadcast_to(np.arange(shape[3]), shape), axis=3).astype(np.int32)}


def block_mask(c, v):
    num, indices = v["num"][c.b, c.h], v["indices"][c.b, c.h]
    mask = np.zeros((c.q_len, c.kv_len), dtype=bool)
    for row, q in enumerate(c.q[:, 0]):
        mask[row] = np.isin(c.k[0] // 8, indices[q // 16, : num[q // 16]])
    return mask


NODES = 20
CASES = [
    Case("global_tokens", "global_tokens", global_tokens, positions="top_left",
         params=draw(radius=integer(0, 40), tokens=integer(0, 20))),
    Case("dilated_window", "dilated_window", dilated_window, params=draw(window=integer(1, 30), step=integer(1, 6))),
    Case("strided", "strided", strided, entry="strided_mask", params=draw(stride=integer(1, 40))),
    Case("fixed", "strided", fixed, entry="fixed_mask", params=draw(stride=integer(8, 40), summary=integer(1, 8))),
    Case("block_diffusion_train", "block_diffusion", train_blocks, entry="train",
         params=draw(block=integer(1, 20), clean=integer(1, 120))),
    Case("block_diffusion_sample", "block_diffusion", sample_blocks, entry="sample", params=draw(block=integer(1, 40))),
    Case("multimodal_prefix", "multimodal_prefix", multimodal, operands=images),
    Case("shared_prefix", "shared_prefix", shared_prefix, operands=branches),
    Case("document_window", "document_window", document_window, positions="top_left", operands=documents,
         params=draw(window=integer(1, 60))),
    Case("block_list", "block_list", block_list, positions="top_left", params=csr_sizes, operands=csr),
    Case("block_mask", "block_mask", block_mask, positions="top_left", params=flex_sizes, operands=flex),
]
test_random_calls, test_unseen_keys = standard_tests(CASES, 3, 2)


def video(rng):
    """A grid of whole tiles, and windows of an odd number of tiles that are not larger."""
    tile, tiles = rng.integers(1, 5, 3), rng.integers(1, 4, 3)
    window = np.where(tiles == 3, rng.choice([1, 3], 3), 1)
    names = ["frames", "height", "width", "tile_t", "tile_y", "tile_x", "window_t", "window_y", "window_x"]
    return dict(zip(names, map(int, [*tile * tiles, *tile, *window])))


@every_rung_and_dtype
def test_sliding_tile(dtype, rung):
    rng = np.random.default_rng(5)
    for _ in range(4):
        params = video(rng)
        cells = np.array([params["frames"] * params["height"] * params["width"]])
        case = Case("sliding_tile", "sliding_tile", sliding_tile, positions="top_left", params=lambda rng, z: params)
        check(random_problem(case, dtype, rng, q_lens=cells, kv_lens=cells), rung)


@every_rung_and_dtype
def test_tree(dtype, rung):
    case = Case("tree_mask", "tree_mask", tree, operands=draft, params=lambda rng, z: {"nodes": NODES})
    check_random_calls(case, dtype, rung, 3, q_lens=np.array([20, 20, 20]), kv_lens=np.array([150, 20, 64]))


@every_rung
def test_each_request_has_its_own_window_cap_and_scale(rung):
    spec = inline("own_scalars", positions="bottom_right", params={"window": 8, "cap": 50.0, "temperature": 0.125},
                  scale="temperature", mask="window(window)", score="softcap(cap)")

    def scalars(rng, z):
        return {"window": rng.integers(1, 60, z.batch), "cap": rng.uniform(1, 50, z.batch).astype(np.float32).astype(float),
                "temperature": rng.uniform(0.02, 0.5, z.batch).astype(np.float32).astype(float)}

    def score(c, s, v):
        """`s` has the usual scale of 1 / sqrt(64)."""
        return v["cap"][c.b] * np.tanh(s * 8 * v["temperature"][c.b] / v["cap"][c.b])

    case = Case("own_scalars", spec, lambda c, v: (c.k <= c.q) & (c.q - c.k < v["window"][c.b]), score=score, params=scalars)
    for dtype in ("f32", "bf16"):
        check_random_calls(case, dtype, rung, 4, q_lens=np.array([30, 1, 97, 64]), kv_lens=np.array([130, 65, 97, 200]))
