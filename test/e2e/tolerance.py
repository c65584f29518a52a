"""What "the same result" means: the bars of docs/numerics.md."""

import numpy as np

import dtypes


def check_out(got, exact, yardstick, v, dtype: str):
    """`yardstick` is the naive algorithm in the precision of `dtype`, `exact` the one in fp64."""
    got, exact, yardstick = (np.asarray(x, dtype=np.float64) for x in (got, exact, yardstick))
    assert np.isfinite(got).all(), "a result is not finite"
    if got.size == 0:
        return
    error, reference = np.abs(got - exact), np.abs(yardstick - exact)
    if dtype == "f32":
        bar = 2 * reference.max() + 4 * dtypes.EPSILON["f32"] * np.abs(v).max(initial=0)
        assert error.max() <= bar, f"largest error {error.max():.3g}, allowed {bar:.3g}"
        return
    r = dtypes.rounding(dtype)
    rounding_noise = np.abs(r(r(exact + 0.3) - 0.3) - r(exact)).max()
    bar = 2 * reference.max() + 2 * rounding_noise
    assert error.max() <= bar, f"largest error {error.max():.3g}, allowed {bar:.3g}"
    if got.size >= 1024:  # a mean of few values says little
        assert error.mean() <= 1.5 * reference.mean(), f"mean error {error.mean():.3g}, yardstick {reference.mean():.3g}"


def check_lse(got, exact):
    got, exact = np.asarray(got, dtype=np.float64), np.asarray(exact)
    assert (np.isneginf(got) == np.isneginf(exact)).all(), "rows with no visible key differ"
    finite = ~np.isneginf(exact)
    error = np.abs(got[finite] - exact[finite]) / np.maximum(1, np.abs(exact[finite]))
    assert error.max(initial=0) <= 1e-5, f"largest relative LSE error {error.max():.3g}"
