"""Block lists, block masks of FlexAttention and draft trees, on every rung, against dense masks in NumPy."""

from types import SimpleNamespace

import numpy as np
import product  # noqa: F401 (the Python package)
import pytest

import attn

LENGTH, D = 200, 32
HEADS = 2


def attention(q, k, v, seen):
    """(out, lse) of dense softmax attention; `seen` is [batch or 1, head or 1, q, k]."""
    s = np.einsum("bhqd,bhkd->bhqk", q.astype(np.float64), k) * q.shape[3] ** -0.5
    s = np.where(seen, s, -np.inf)
    top = np.max(s, axis=3, keepdims=True)
    p = np.where(seen, np.exp(s - np.where(np.isfinite(top), top, 0)), 0)
    total = p.sum(axis=3, keepdims=True)
    return np.einsum("bhqk,bhkd->bhqd", p / np.where(total, total, 1), v), total[..., 0]


def check(fragment, operands, seen, batch=2, q_rows=LENGTH, kv_rows=LENGTH):
    rng = np.random.default_rng(5)
    q = rng.standard_normal((batch, HEADS, q_rows, D)).astype(np.float32)
    k, v = rng.standard_normal((2, batch, HEADS, kv_rows, D)).astype(np.float32)
    artifact = attn.compile({"attn": 1, "name": "mask", **fragment}, variants=[f"d={D},dtype=f32"])
    want, total = attention(q, k, v, seen)
    for run in (attn.attend, attn.reference):
        out, lse = run(artifact, q=q, k=k, v=v, **operands)
        np.testing.assert_allclose(out, want, atol=2e-5)
        assert np.array_equal(np.isneginf(lse), total == 0)


def block_mask(rng, batch, heads, q_block, k_block, full=False):
    """Random blocks, as FlexAttention lists them: the listed ones first, and what follows is arbitrary."""
    rows, columns = -(-LENGTH // q_block), -(-LENGTH // k_block)
    kind = rng.choice(3, size=(batch, heads, rows, columns), p=[0.6, 0.2, 0.2]) if full else rng.random(
        (batch, heads, rows, columns)) < 0.4
    lists = {}
    for name, which in (("kv", 1), ("full_kv", 2)):
        chosen = kind == which
        lists[f"{name}_num_blocks"] = chosen.sum(axis=3)
        lists[f"{name}_indices"] = np.argsort(~chosen, axis=3, kind="stable")
    if not full:
        lists["full_kv_num_blocks"] = lists["full_kv_indices"] = None
    spread = lambda x: x.repeat(q_block, 2).repeat(k_block, 3)[:, :, :LENGTH, :LENGTH]
    return SimpleNamespace(BLOCK_SIZE=(q_block, k_block), **lists), spread(kind == 1), spread(kind == 2)


@pytest.mark.parametrize("batch,heads", [(1, 1), (2, 1), (1, HEADS), (2, HEADS)])
def test_block_mask(batch, heads):
    mask, partial, full = block_mask(np.random.default_rng(batch + heads), batch, heads, 32, 16, full=True)
    causal = np.tril(np.ones((LENGTH, LENGTH), bool))
    check(*attn.masks.from_block_mask(mask, partial="causal"), (partial & causal) | full)


def test_block_mask_without_full_blocks():
    mask, partial, _ = block_mask(np.random.default_rng(8), 1, 1, 64, 64)
    check(*attn.masks.from_block_mask(mask, partial="true"), partial)
    with pytest.raises(ValueError, match="seen in part"):
        attn.masks.from_block_mask(mask)


def test_csr_and_bsr():
    rng = np.random.default_rng(3)
    blocks = rng.random((7, 13)) < 0.3
    blocks[2] = False  # a row without blocks
    indptr, indices = np.concatenate([[0], blocks.sum(1).cumsum()]), np.nonzero(blocks)[1]
    seen = blocks.repeat(32, 0).repeat(16, 1)[None, None, :LENGTH, :LENGTH]
    csr = SimpleNamespace(indptr=indptr, indices=indices, shape=blocks.shape)
    check(*attn.masks.from_sparse(csr, 32, 16), seen)
    bsr = SimpleNamespace(indptr=indptr, indices=indices, blocksize=(32, 16), shape=(7 * 32, 13 * 16))
    fragment, operands = attn.masks.from_sparse(bsr, mask="causal")
    check(fragment, operands, seen & np.tril(np.ones((LENGTH, LENGTH), bool)))
    # The named form reads the same lists as they are, in any order.
    shuffled = np.concatenate([rng.permutation(indices[a:b]) for a, b in zip(indptr, indptr[1:])])
    check({"params": {"bounds": 8, "listed": len(indices)}, "mask": "block_list(rows, columns, 32, 16)",
           "operands": {"rows": {"shape": ["bounds"], "dtype": "i32"}, "columns": {"shape": ["listed"], "dtype": "i32"}},
           "positions": "top_left"},
          {"rows": indptr.astype(np.int32), "columns": shuffled.astype(np.int32), "listed": len(indices)}, seen)


@pytest.mark.parametrize("rows", [[0, -5, 10**6, 3, 2, 1, 0, 9], [9, 9, 9, 9, 9, 9, 9, 9]])
def test_wrong_lists_read_nothing_outside(rows):
    """The loops clamp what no domain promises; the reference says what is left of such lists."""
    columns = [-7, 2**31 - 1, 3]
    seen = np.zeros((1, 1, LENGTH, LENGTH), bool)
    for q in range(LENGTH):
        part = columns[max(rows[q // 32], 0) : max(rows[q // 32 + 1], 0)]
        seen[0, 0, q] = np.isin(np.arange(LENGTH) // 16, part)
    check({"mask": "block_list(rows, columns, 32, 16)", "positions": "top_left",
           "operands": {"rows": {"shape": [8], "dtype": "i32"}, "columns": {"shape": [3], "dtype": "i32"}}},
          {"rows": np.array(rows, np.int32), "columns": np.array(columns, np.int32)}, seen)


def test_tree():
    """16 draft tokens behind a prefix, another tree for each request."""
    rng, nodes, prefix = np.random.default_rng(1), 16, 90
    parent = np.array([[rng.integers(-1, i) if i else -1 for i in range(nodes)] for _ in range(2)], np.int32)
    seen = np.zeros((2, 1, nodes, prefix + nodes), bool)
    seen[..., :prefix] = True
    for b in range(2):
        for i in range(nodes):
            node = i
            while node >= 0:
                seen[b, 0, i, prefix + node] = True
                node = parent[b, node]
    fragment = {"positions": "bottom_right", "params": {"prefix": 0, "nodes": 1}, "mask": "tree(parent, prefix)",
                "operands": {"parent": {"shape": ["batch", "nodes"], "dtype": "i32"}}}
    check(fragment, {"parent": parent, "prefix": prefix, "nodes": nodes}, seen, q_rows=nodes, kv_rows=prefix + nodes)


def test_a_wrong_tree_ends():
    """Parents that are not below their node lead nowhere."""
    parent = np.array([[5, 1, 7, 2, 10**9, -(10**9), 5, 6]], np.int32)
    seen = np.eye(8, dtype=bool)[None, None]
    seen[0, 0, 3, 2] = seen[0, 0, 6, 5] = seen[0, 0, 7, [6, 5]] = True
    fragment = {"mask": "tree(parent, prefix)", "positions": "top_left", "params": {"prefix": 0},
                "operands": {"parent": {"shape": ["batch", 8], "dtype": "i32"}}}
    check(fragment, {"parent": parent}, seen, batch=1, q_rows=8, kv_rows=8)


@pytest.mark.peers
def test_a_real_block_mask():
    torch = pytest.importorskip("torch")
    flex = pytest.importorskip("torch.nn.attention.flex_attention")
    mask = flex.create_block_mask(lambda b, h, q, k: (q >= k) & (q - k < 70), None, None, LENGTH, LENGTH, device="cpu",
                                  BLOCK_SIZE=32)
    q, k = np.arange(LENGTH)[:, None], np.arange(LENGTH)[None, :]
    assert torch.is_tensor(mask.kv_indices)
    check(*attn.masks.from_block_mask(mask, partial="window(70)"), ((q >= k) & (q - k < 70))[None, None])
