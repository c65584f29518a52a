"""A random call of a case, its exact result, and the same-precision yardstick."""

from dataclasses import dataclass

import numpy as np

import cases
import dtypes
import oracle

# Around the tiles of the kernels (8, 16, 64, 96 rows or keys), and the smallest lengths.
Q_LENGTHS = [0, 1, 2, 7, 8, 9, 15, 17, 33, 63, 65, 95, 96, 97, 130]
KV_LENGTHS = [0, 1, 2, 31, 63, 64, 65, 127, 128, 129, 200]


@dataclass
class Problem:
    case: cases.Case
    sizes: cases.Sizes
    dtype: str
    q: np.ndarray  # stored in dtype
    k: np.ndarray
    v: np.ndarray
    values: dict  # parameters and operands by name
    params: list  # names of those that are parameters
    q_pos: np.ndarray  # None unless positions is "tensor"

    def tensors(self):
        return [dtypes.decode(x, self.dtype).astype(np.float64) for x in (self.q, self.k, self.v)]

    def lengths(self):
        return {"q_lens": self.sizes.q_lens, "kv_lens": self.sizes.kv_lens, "positions": self.case.positions,
                "q_pos": self.q_pos, "layer": self.sizes.layer}

    def rows(self, x):
        """The real rows of an output, flattened."""
        return np.concatenate([x[b, :, :m].ravel() for b, m in enumerate(self.sizes.q_lens)])

    def visible(self, c):
        return self.case.visible(c, self.values)

    def unseen(self):
        """Rows of K, and of V, that no query sees."""
        case = self.case
        summed = lambda c: self.visible(c) & (True if case.valued is None else case.valued(c, self.values))
        return [oracle.unseen_keys(self.q, self.k, seen, **self.lengths()) for seen in (self.visible, summed)]

    def solve(self, rounding=None):
        """(out, lse) in fp64, or in the precision of a rounding; lse is None for linear attention."""
        case, values = self.case, self.values
        q, k, v = self.tensors()
        if case.decay is not None:
            lengths = {n: x for n, x in self.lengths().items() if n != "q_pos"}
            return oracle.linear_attention(q, k, v, self.visible, lambda c: case.decay(c, values), rounding=rounding,
                                           **lengths), None
        if case.rope is not None:
            q, k = self._rotated(q, k, rounding or (lambda x: x))
        score = None if case.score is None else lambda c, s: case.score(c, s, values)
        seed = None if case.seed is None else values[case.seed].astype(np.float64)
        valued = None if case.valued is None else lambda c: case.valued(c, values)
        return oracle.softmax_attention(q, k, v, self.visible, score=score, seed=seed, valued=valued, rounding=rounding,
                                        **self.lengths())

    def _rotated(self, q, k, r):
        turn = lambda x, at: r(oracle.rope(x, self.values["cos"], self.values["sin"], at, self.case.rope))
        for b, (m, n) in enumerate(zip(self.sizes.q_lens, self.sizes.kv_lens)):
            q[b, :, :m] = turn(q[b, :, :m], n - m)
            k[b, :, :n] = turn(k[b, :, :n], 0)
        return q, k


def random_sizes(case, rng, **fixed) -> cases.Sizes:
    batch = int(rng.integers(1, 4))
    q_lens, kv_lens = rng.choice(Q_LENGTHS, batch), rng.choice(KV_LENGTHS, batch)
    kv_heads = int(rng.integers(1, 3))
    if case.decode_only:
        q_lens[:] = 1
    if case.equal_lengths:
        kv_lens = q_lens.copy()
    if case.rope is not None:  # tables have no negative positions
        kv_lens = np.maximum(kv_lens, q_lens)
    sizes = {"q_lens": q_lens.astype(np.int64), "kv_lens": kv_lens.astype(np.int64), "kv_heads": kv_heads,
             "q_heads": kv_heads * int(rng.integers(1, 5))}
    return cases.Sizes(**{**sizes, **fixed})


def long_lengths(case) -> dict:
    """Several tiles of rows and keys: after a prefix, and from the start."""
    q_lens, kv_lens = np.array([130, 130]), np.array([200, 130])
    if case.decode_only:
        q_lens[:] = 1
    return {"q_lens": kv_lens if case.equal_lengths else q_lens, "kv_lens": kv_lens}


def random_problem(case, dtype, rng, **fixed) -> Problem:
    z = random_sizes(case, rng, **fixed)
    draw = lambda heads, rows, dim: dtypes.encode(rng.normal(size=(z.batch, heads, rows, dim)).astype(np.float32), dtype)
    params, operands = case.params(rng, z), case.operands(rng, z)
    q_pos = rng.integers(0, 80, z.batch) if case.positions == "tensor" else None
    return Problem(case, z, dtype, draw(z.q_heads, z.q_rows, z.d), draw(z.kv_heads, z.kv_rows, z.d),
                   draw(z.kv_heads, z.kv_rows, z.dv), {**params, **operands}, list(params), q_pos)


def poisoned(problem, rng) -> Problem:
    """NaN and infinities in every key row that no query sees and past the end, in K and V."""
    k, v = problem.k.copy(), problem.v.copy()
    poison = dtypes.encode(np.array([np.nan, np.inf, -np.inf], dtype=np.float32), problem.dtype)
    for x, unseen in zip((k, v), problem.unseen()):
        x[unseen] = rng.choice(poison, size=x[unseen].shape)
    return Problem(problem.case, problem.sizes, problem.dtype, problem.q, k, v, problem.values, problem.params,
                   problem.q_pos)
