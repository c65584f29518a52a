"""Devices other than the CPU: what their names mean, and copies of arrays in their memory."""

from typing import Any, Tuple

from attn import _abi
from attn._abi import byref, c_void_p

_KINDS = {"cpu": _abi.CPU, "cuda": _abi.CUDA, "emulator": _abi.EMULATOR}
COMPLETIONS = {"early": 0, "late": 1, "random": 2}


def parse(name: str) -> Tuple[int, int]:
    """Kind and index of ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"emulator"``."""
    kind, _, index = name.partition(":")
    if kind not in _KINDS or (index and not (kind == "cuda" and index.isdigit())):
        raise _abi.AttnError("INVALID_ARGUMENT", f"device must be cpu, cuda, cuda:N or emulator, got {name!r}")
    return _KINDS[kind], int(index or 0)


class Memory:
    """Bytes on a device."""

    def __init__(self, device: Tuple[int, int], size: int):
        self.device, self.size, self._place = device, size, c_void_p()
        _abi.check(_abi.runtime().attn_device_allocate(*device, size, byref(self._place)))

    @property
    def address(self) -> int:
        return self._place.value or 0

    def __del__(self):
        if self._place:
            _abi.runtime().attn_device_release(*self.device, self._place)


class Mirror:
    """The bytes that an array spans, on a device. The strides of the array hold there too."""

    def __init__(self, device: Tuple[int, int], array: Any):
        steps = [stride * (size - 1) for stride, size in zip(array.strides, array.shape)] if array.size else []
        self._array = array
        self._offset = -sum(step for step in steps if step < 0)  # of the first element
        self._memory = Memory(device, sum(map(abs, steps)) + array.itemsize * bool(array.size))

    @property
    def address(self) -> int:
        return self._memory.address + self._offset

    def write(self) -> None:
        """Array to device."""
        memory, start = self._memory, self._array.ctypes.data - self._offset
        _abi.check(_abi.runtime().attn_device_write(*memory.device, memory.address, start, memory.size))

    def read(self) -> None:
        """Device to array; what lies between the elements stays."""
        import numpy as np

        memory, array = self._memory, self._array
        copy = np.empty(memory.size, np.uint8)
        _abi.check(_abi.runtime().attn_device_read(*memory.device, copy.ctypes.data, memory.address, memory.size))
        if array.size:
            array[...] = np.ndarray(array.shape, array.dtype, copy.data, self._offset, array.strides)
