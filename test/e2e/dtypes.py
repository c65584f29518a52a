"""f32, f16 and bf16 as NumPy arrays. bf16 is stored as uint16, which NumPy does not know as a float."""

import numpy as np

STORAGE = {"f32": np.float32, "f16": np.float16, "bf16": np.uint16}
EPSILON = {"f32": 2.0**-23, "f16": 2.0**-10, "bf16": 2.0**-7}


def encode(x, dtype: str) -> np.ndarray:
    """Rounds to nearest even and stores."""
    if dtype != "bf16":
        return np.asarray(x).astype(STORAGE[dtype])
    bits = np.asarray(x, dtype=np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return np.where(np.isnan(x), 0x7FC0, rounded).astype(np.uint16)


def decode(x: np.ndarray, dtype: str) -> np.ndarray:
    if dtype != "bf16":
        return x
    return (x.astype(np.uint32) << 16).view(np.float32)


def rounding(dtype: str):
    """A function that rounds a float32 array to `dtype` and back."""
    if dtype == "f32":
        return lambda x: np.asarray(x, dtype=np.float32)
    return lambda x: decode(encode(np.asarray(x, dtype=np.float32), dtype), dtype).astype(np.float32)
