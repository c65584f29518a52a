"""What the machine reaches at most: multiply-adds, reads, and a large matrix product of the BLAS at hand."""

import ctypes
import time
from pathlib import Path

import numpy as np


class Ceilings:
    def __init__(self, build: Path, threads: int):
        self._library = ctypes.CDLL(str(build / "lib" / "libattn-ceilings.so"))
        self._library.attn_peak_flops.restype = ctypes.c_double
        self._library.attn_peak_flops_bf16.restype = ctypes.c_double
        self._library.attn_read_seconds.restype = ctypes.c_double
        self.threads = threads
        self._memory = None

    def flops(self, dtype: str = "f32") -> float:
        """Multiply-add flops per second of all threads: of fp32, or of bf16 pairs where the machine has them."""
        peak = self._library.attn_peak_flops_bf16 if dtype == "bf16" else self._library.attn_peak_flops
        return peak(ctypes.c_int(self.threads))

    def bandwidth(self, *arrays: np.ndarray, threads: int = 0) -> float:
        """Bytes per second at which all threads together only read the arrays, one after the other; without arrays, memory
        of this object."""
        if not arrays:
            self._memory = np.ones(512 << 20, np.uint8) if self._memory is None else self._memory
            arrays = (self._memory,)
        seconds = sum(
            self._library.attn_read_seconds(
                ctypes.c_int(threads or self.threads), ctypes.c_void_p(a.ctypes.data), ctypes.c_int64(a.nbytes)
            )
            for a in arrays
        )
        return sum(a.nbytes for a in arrays) / seconds

    @staticmethod
    def matmul(torch, dtype: str, n: int = 2048) -> float:
        """Flops per second of an n x n matrix product: PyTorch's where it is installed, else NumPy's (fp32 only)."""
        if torch is not None:
            a = torch.randn(n, n).to(torch.float32 if dtype == "f32" else torch.bfloat16)
        else:
            a = np.random.default_rng(0).standard_normal((n, n), np.float32)
        a @ a
        best = min(_timed(lambda: a @ a) for _ in range(3))
        return 2 * n**3 / best


def _timed(call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
