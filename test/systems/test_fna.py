"""Faster Neighborhood Attention (arXiv 2403.04690), row 4 of the systems: 1-D, 2-D and 3-D neighbourhoods with dilation,
causal axes and a bias per relative position, in tiles that are boxes of the grid."""

import numpy as np
import pytest

import natten
import product
from cases import Case, inline
from ladder import check, every_dtype, every_rung
from masks import seen
from natten import Axis
from problem import poisoned, random_problem

pytestmark = pytest.mark.system("fna")


def cells_of(*requests):
    """Lengths of requests, each a list of axes."""
    return np.array([np.prod([axis.size for axis in axes]) for axes in requests])


def image(params, b=None):
    at = lambda name: int(np.atleast_1d(params[name])[b if np.ndim(params[name]) else 0])
    return [Axis(at("rows"), 7, 1, at("dilation_y")), Axis(at("columns"), 7, 1, at("dilation_x"))]


def fna(params):
    """The shipped pattern on images of those parameters, which may differ per request."""

    def bias(c, s, v):
        columns = image(params, c.b)[1].size
        dy, dx = c.k // columns - c.q // columns, c.k % columns - c.q % columns
        steps = [np.clip(d // dilation.dilation + 6, 0, 12) for d, dilation in zip((dy, dx), image(params, c.b))]
        return s + v["rpb"][c.h, steps[0], steps[1]]

    return Case("fna", "fna", lambda c, v: natten.visible(image(params, c.b), c.q, c.k), score=bias,
                params=lambda rng, z: params,
                operands=lambda rng, z: {"rpb": rng.normal(size=(z.q_heads, 13, 13)).astype(np.float32)})


IMAGES = [
    {"rows": 7, "columns": 7, "dilation_y": 1, "dilation_x": 1},
    {"rows": 9, "columns": 20, "dilation_y": 1, "dilation_x": 1},
    {"rows": 16, "columns": 24, "dilation_y": 2, "dilation_x": 3},
    {"rows": 15, "columns": 21, "dilation_y": 2, "dilation_x": 3},
]


@every_rung
@every_dtype
@pytest.mark.parametrize("params", IMAGES, ids=lambda p: "x".join(map(str, p.values())))
def test_images(params, dtype, rung):
    rng = np.random.default_rng(4)
    length = cells_of(image(params))
    check(random_problem(fna(params), dtype, rng, q_lens=length, kv_lens=length, q_heads=2, kv_heads=1), rung)


@every_rung
def test_images_of_several_sizes(rung):
    params = {name: np.array([p[name] for p in IMAGES]) for name in IMAGES[0]}
    lengths = cells_of(*[image(params, b) for b in range(4)])
    check(random_problem(fna(params), "f32", np.random.default_rng(5), q_lens=lengths, kv_lens=lengths, q_heads=1,
                         kv_heads=1), rung)


@every_rung
@every_dtype
@pytest.mark.parametrize("rows", [1, 13, 96])
def test_the_last_rows_only(rows, dtype, rung):
    """Queries at the end of the image, as in decoding or a chunk of a prompt."""
    params = IMAGES[2]
    kv_lens = cells_of(image(params))
    check(random_problem(fna(params), dtype, np.random.default_rng(6), q_lens=np.array([rows]), kv_lens=kv_lens,
                         q_heads=4, kv_heads=2), rung)


@every_rung
def test_unseen_keys(rung):
    """NaN and infinities in keys that no query sees change no bit: here the last rows see a part of the image."""
    rng = np.random.default_rng(7)
    params = {"rows": 20, "columns": 24, "dilation_y": 1, "dilation_x": 2}
    clean = random_problem(fna(params), "f32", rng, q_lens=np.array([150]), kv_lens=cells_of(image(params)), q_heads=2,
                           kv_heads=1)
    assert clean.unseen()[0].any()
    expected, got = product.run(rung, clean), product.run(rung, poisoned(clean, rng))
    for a, b in zip(expected, got):
        assert clean.rows(a).tobytes() == clean.rows(b).tobytes()


def grid_spec(axes, symbolic):
    """A pattern of these axes, with sizes and dilations as constants or as parameters."""
    names = "tyx"[-len(axes):]
    values = {f"{what}_{n}": getattr(a, what) for n, a in zip(names, axes) for what in ("size", "window", "stride", "dilation")}
    each = lambda what: [f"{what}_{n}" if symbolic else values[f"{what}_{n}"] for n in names]
    fields = {"params": dict.fromkeys(values, 4)} if symbolic else {}
    return inline("grid", positions="bottom_right", **fields, grid={"axes": list(names), "sizes": each("size")},
                  mask={"neighborhood": {"window": each("window"), "stride": each("stride"), "dilation": each("dilation"),
                                         "causal": [a.causal for a in axes]}}), values if symbolic else {}


def check_grid(axes, symbolic, rung, dtype, rng, queries=None):
    spec, params = grid_spec(axes, symbolic)
    case = Case("grid", spec, lambda c, v: natten.visible(axes, c.q, c.k), params=lambda rng, z: params)
    kv_lens = cells_of(axes)
    q_lens = kv_lens if queries is None else np.minimum(queries, kv_lens)
    kv_heads = int(rng.integers(1, 3))
    check(random_problem(case, dtype, rng, q_lens=q_lens, kv_lens=kv_lens, kv_heads=kv_heads,
                         q_heads=kv_heads * int(rng.integers(1, 3))), rung)


@every_rung
@pytest.mark.parametrize("dtype, symbolic", [("f32", True), ("f32", False), ("bf16", True), ("f16", False)])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_grids(rank, dtype, symbolic, rung):
    """Random ragged grids with windows, strides, dilations and causal axes."""
    rng = np.random.default_rng(rank)
    for _ in range(3):
        axes = [natten.random_axis(rng, {1: 400, 2: 24, 3: 9}[rank]) for _ in range(rank)]
        check_grid(axes, symbolic, rung, dtype, rng)


@every_rung
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_parts_of_grids(rank, rung):
    rng = np.random.default_rng(10 + rank)
    for queries in (1, 30, 200):
        axes = [natten.random_axis(rng, {1: 400, 2: 24, 3: 9}[rank]) for _ in range(rank)]
        check_grid(axes, True, rung, "f32", rng, queries)


@every_rung
@pytest.mark.parametrize("dilation", [1, 2])
def test_extra_tokens(dilation, rung):
    """The first tokens are seen by all, one class of heads sees everything before it."""
    axes = [Axis(14, 5, 1, dilation), Axis(20, 7)]
    spec = inline("extra", positions="bottom_right", params={"extra": 3}, grid={"axes": ["y", "x"], "sizes": [14, 20]},
                  operands={"is_global": {"shape": ["kv_heads"], "dtype": "bool"}},
                  partitions={"heads": {"axis": "kv_head", "classes": {"global": "is_global[g]", "local": "otherwise"}}},
                  kernel_maps={"heads.global": {"mask": "causal"},
                               "heads.local": {"mask": {"or": [{"neighborhood": {"window": [5, 7], "dilation": [dilation, 1]}},
                                                               {"sink": "extra"}]}}})
    got = seen(spec, rung, 280, 280, q_heads=4, kv_heads=2, extra=5, is_global=np.array([True, False]))
    q, k = np.arange(280)[:, None], np.arange(280)[None]
    assert (got[:2] == (k <= q)).all()
    assert (got[2:] == (natten.visible(axes, q, k) | (k < 5))).all()


@every_rung
@pytest.mark.parametrize("dilation, causal", [(1, False), (3, False), (5, True)])
def test_a_dilated_sequence(dilation, causal, rung):
    """Without a grid the sequence is one axis."""
    axis = Axis(250, 17, 1, dilation, causal)
    spec = inline("line", positions="bottom_right", params={"dilation": dilation},
                  mask={"neighborhood": {"window": 17, "dilation": "dilation", "causal": causal}})
    assert (seen(spec, rung, 250, 250)[0] == axis.plane()).all()


def test_the_definition():
    """What the papers say of it, of the oracle itself."""
    assert all(axis.plane().sum(axis=1).tolist() == [axis.window] * axis.size
               for axis in (Axis(20, 7), Axis(20, 6), Axis(20, 7, 4), Axis(21, 5, 5, 3)))
    assert (Axis(9, 9).plane()).all()
    assert (Axis(9, 1).plane() == np.eye(9)).all()
    assert (Axis(30, 30, causal=True).plane() == np.tri(30)).all()
    assert (Axis(30, 8, causal=True).plane() == np.tri(30) - np.tri(30, k=-8)).all()
    assert (Axis(24, 6, 6).plane() == np.kron(np.eye(4), np.ones((6, 6)))).all()
    assert (Axis(24, 3, 1, 4).plane() == np.kron(Axis(6, 3).plane(), np.eye(4))).all()
