"""Generalized Neighborhood Attention (arXiv 2504.16922), row 36 of the systems: strided windows on a video."""

import numpy as np
import pytest

import natten
import product
from cases import Case
from ladder import check, every_dtype, every_rung
from natten import Axis
from problem import random_problem

pytestmark = pytest.mark.system("gna")

VIDEOS = {  # sizes, windows, strides
    "aligned": ([4, 16, 16], [2, 8, 8], [1, 4, 8]),
    "stride 1": ([6, 10, 12], [3, 5, 7], [1, 1, 1]),
    "ragged": ([5, 11, 13], [4, 6, 5], [3, 2, 5]),
    "blocks": ([6, 8, 12], [2, 4, 6], [2, 4, 6]),
    "whole": ([4, 8, 9], [4, 8, 9], [2, 8, 9]),
}


def video(sizes, windows, strides, entry="attend"):
    axes = [Axis(n, w, s) for n, w, s in zip(sizes, windows, strides)]
    axes[0].causal = entry == "causal_in_time"
    names = [f"{what}_{axis}" for what in ("window", "stride") for axis in "tyx"]
    params = dict(zip(["frames", "height", "width", *names], [*sizes, *windows, *strides]))
    return Case("gna", "gna", lambda c, v: natten.visible(axes, c.q, c.k), params=lambda rng, z: params, entry=entry)


@every_rung
@every_dtype
@pytest.mark.parametrize("entry", ["attend", "causal_in_time"])
@pytest.mark.parametrize("name", VIDEOS)
def test_videos(name, entry, dtype, rung):
    cells = np.array([np.prod(VIDEOS[name][0])])
    check(random_problem(video(*VIDEOS[name], entry), dtype, np.random.default_rng(1), q_lens=cells, kv_lens=cells,
                         q_heads=2, kv_heads=1), rung)


@every_rung
def test_a_chunk_of_frames(rung):
    """The last two and a half frames of a video against all of it."""
    sizes = VIDEOS["aligned"][0]
    cells = np.array([np.prod(sizes)])
    check(random_problem(video(*VIDEOS["aligned"]), "f32", np.random.default_rng(2), q_lens=cells * 5 // 16, kv_lens=cells,
                         q_heads=1, kv_heads=1), rung)


def test_bad_sizes():
    """Sizes of 0 and below, and windows of any size, are errors or masks, never a crash."""
    case = video([4, 4, 4], [2, 2, 2], [1, 1, 1])
    problem = random_problem(case, "f32", np.random.default_rng(3), q_lens=np.array([64]), kv_lens=np.array([64]))
    for name in ("height", "width", "stride_x"):
        for value in (0, -3):
            problem.values = case.params(None, None) | {name: value}
            with pytest.raises(product.attn.AttnError, match="must be at least 1"):
                product.run("cpu", problem)
    for name, value in (("height", 2**31 - 1), ("width", 2**31 - 1), ("window_y", -5), ("window_x", 2**31 - 1)):
        problem.values = case.params(None, None) | {name: value}
        product.run("cpu", problem)
