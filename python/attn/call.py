"""Calls: NumPy arrays to plans and results."""

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from attn import _abi
from attn._abi import array64, byref, c_size_t, c_void_p
from attn.artifact import Artifact
from attn.device import COMPLETIONS, Memory, Mirror, parse

_DTYPES = {
    "float32": _abi.F32,
    "float16": _abi.F16,
    "bfloat16": _abi.BF16,  # ml_dtypes
    "uint16": _abi.BF16,  # the bits of bf16, where ml_dtypes is not at hand
    "float64": _abi.F64,
    "bool": _abi.BOOL,
    "int8": _abi.I8,
    "int32": _abi.I32,
    "int64": _abi.I64,
}


def _numpy():
    import numpy

    return numpy


def _starts(lens: Sequence[int]) -> List[int]:
    """First rows of requests that lie one after the other."""
    starts, total = [], 0
    for length in lens:
        starts.append(total)
        total += int(length)
    return starts


class _Call:
    """The C structs of one call and the arrays that they point to. Lists of lengths and the like are `sizes`."""

    def __init__(self, artifact: Artifact, entry: Optional[str], arrays: Mapping[str, Any], sizes: Mapping[str, Any]):
        np = _numpy()
        self._kept: List[Any] = []
        self._tensors: List[_abi.Tensor] = []
        self._scalars: List[_abi.Scalar] = []
        self.device = parse(sizes.get("device") or "cpu")
        self.inputs: List[Mirror] = []  # on a device
        self.outputs: List[Mirror] = []
        self._head_maps: Mapping[str, Sequence[int]] = sizes.get("head_maps") or {}
        self.desc = _abi.PlanDesc()
        self.arguments = artifact.arguments(entry)
        tensor_names = {a.name for a in self.arguments}
        params = set(artifact.params())
        self.arrays = {}
        for name, value in arrays.items():
            if name in params and name not in tensor_names:
                self._add_scalar(name, np.asarray(value))
            else:
                self.arrays[name] = np.asarray(value)
        self._set_sizes(sizes)
        for name, value in self.arrays.items():
            self.add_tensor(name, value)

    def _first(self, *roles: int):
        """The first array given for one of these roles; an error names what is missing."""
        wanted = [a.name for a in self.arguments if a.role in roles and not a.slots]
        for name in wanted:
            if name in self.arrays:
                if self.arrays[name].ndim not in (3, 4):
                    raise _abi.AttnError("SHAPE", f"argument '{name}': rank must be 3 or 4, got {self.arrays[name].ndim}")
                return self.arrays[name]
        raise _abi.AttnError("MISSING", f"argument '{wanted[0]}' is missing")

    def _set_sizes(self, sizes: Mapping[str, Any]) -> None:
        query, key = self._first(_abi.QUERY), self._first(_abi.KEY)
        # Keys that are slots of a cache of their own do not say how long the sequence is.
        keys = [a for a in self.arguments if a.role == _abi.KEY and a.name in self.arrays and not a.slots]
        self.ragged = query.ndim == 3
        batch = query.shape[0] if not self.ragged else len(self._lens(sizes, "q_lens"))
        self.desc.batch, self.desc.q_heads = batch, query.shape[1]
        # A tensor with a head map holds only some of the KV heads; the map has one entry for each.
        mapped = [len(m) for m in self._head_maps.values()]
        self.desc.kv_heads = mapped[0] if mapped else key.shape[1]
        positions = [self.arrays[a.name] for a in keys if a.ring_param is None and self.arrays[a.name].ndim == 4]
        self.desc.q_len = 0 if self.ragged else query.shape[2]
        self.desc.kv_len = min((a.shape[2] for a in positions), default=0)
        if not positions:
            self._lens(sizes, "kv_lens")
        for name in ("q_lens", "kv_lens", "q_pos"):
            if sizes.get(name) is not None:
                self._set_list(name, sizes[name], batch)
        for name, lens, array in (("q_rows", "q_lens", query), ("kv_rows", "kv_lens", key)):
            if array.ndim == 3:
                given = sizes.get(name)
                self._set_list(name, _starts(self._lens(sizes, lens)) if given is None else given, batch)
        self.desc.layer = sizes.get("layer") or 0
        self.desc.threads = sizes.get("threads") or 0
        self.desc.isa = sizes["isa"].encode() if sizes.get("isa") else None
        self.desc.device, self.desc.device_index = self.device
        self.desc.emulator_seed = sizes.get("emulator_seed") or 0
        self.desc.emulator_completion = COMPLETIONS[sizes.get("emulator_completion") or "early"]

    @staticmethod
    def _lens(sizes: Mapping[str, Any], name: str) -> Sequence[int]:
        if sizes.get(name) is None:
            raise _abi.AttnError("MISSING", f"{name} is needed: the tensors do not say the lengths")
        return sizes[name]

    def _set_list(self, name: str, values: Sequence[int], batch: int) -> None:
        values = [int(v) for v in values]
        if len(values) != batch:
            raise _abi.AttnError("SHAPE", f"{name} must have {batch} values (batch), got {len(values)}")
        setattr(self.desc, name, array64(values))

    def add_tensor(self, name: str, array, is_output: bool = False) -> None:
        dtype = _DTYPES.get(array.dtype.name)
        if dtype is None:
            raise _abi.AttnError("DTYPE", f"argument '{name}': dtype {array.dtype} is not supported")
        head_map = self._head_maps.get(name)
        if head_map is not None:
            if len(head_map) != self.desc.kv_heads:
                raise _abi.AttnError("SHAPE", f"head_maps['{name}'] must have {self.desc.kv_heads} values (kv_heads)")
            head_map = (_abi.c_int32 * len(head_map))(*head_map)
        self._kept.append(array)
        self._tensors.append(
            _abi.Tensor(
                name=name.encode(),
                data=self._place(array, is_output),
                dtype=dtype,
                ndim=array.ndim,
                shape=array64(array.shape),
                strides=array64(array.strides),
                head_map=head_map,
            )
        )

    def _place(self, array, is_output: bool) -> int:
        """The address of an array, or of its copy on the device."""
        if self.device[0] == _abi.CPU:
            return array.ctypes.data
        mirror = Mirror(self.device, array)
        mirror.write()  # of outputs too: rows that no request has stay as they are
        (self.outputs if is_output else self.inputs).append(mirror)
        return mirror.address

    def _add_scalar(self, name: str, value) -> None:
        np = _numpy()
        value = np.ascontiguousarray(value, np.float64 if value.dtype.kind == "f" else np.int64).reshape(-1)
        self._kept.append(value)
        self._scalars.append(
            _abi.Scalar(
                name=name.encode(),
                data=value.ctypes.data,
                dtype=_abi.F64 if value.dtype.kind == "f" else _abi.I64,
                count=value.size,
            )
        )

    def make_outputs(self, lse: bool, out=None, dtype=None) -> Tuple[Any, Any]:
        """Adds `out` and, if wanted, `lse` to the call. A given `out` is written to."""
        np = _numpy()
        query, value = self._first(_abi.QUERY), self._first(_abi.VALUE)
        rows = query.shape[:-1]
        names = {a.role: a.name for a in self.arguments}
        if out is None:
            out = np.zeros((*rows, value.shape[-1]), dtype or query.dtype)
        self.add_tensor(names[_abi.OUT], out, is_output=True)
        result = None
        if lse and _abi.LSE in names:
            result = np.zeros(rows, dtype or np.float32)
            self.add_tensor(names[_abi.LSE], result, is_output=True)
        return out, result

    def c_desc(self) -> "_abi.PlanDesc":
        self.desc.tensors = (_abi.Tensor * len(self._tensors))(*self._tensors)
        self.desc.tensor_count = len(self._tensors)
        self.desc.scalars = (_abi.Scalar * max(len(self._scalars), 1))(*self._scalars)
        self.desc.scalar_count = len(self._scalars)
        return self.desc


def _split(arguments: Dict[str, Any]) -> Dict[str, Any]:
    """Takes the sizes out of the keyword arguments of a call; what is left are tensors and scalars."""
    names = ("q_lens", "kv_lens", "q_rows", "kv_rows", "q_pos", "layer", "threads", "isa", "head_maps", "device",
             "emulator_seed", "emulator_completion")
    return {name: arguments.pop(name) for name in names if name in arguments}


class Plan:
    """A checked call that can run many times. The arrays are borrowed: what they hold when ``run`` is called counts.

    ``out`` and ``lse`` are the result arrays. Arguments as for :func:`attend`.
    """

    def __init__(self, artifact: Artifact, *, entry: Optional[str] = None, lse: bool = True, out=None, **arguments):
        self._handle = c_void_p()
        self._artifact, self._entry, self._lse = artifact, entry, lse
        self._update(out, arguments)

    def update(self, *, out=None, **arguments) -> None:
        """Plans another call of the same entry point (lengths, scalars, arrays); the code is not loaded again."""
        self._update(out, arguments)

    def _update(self, out, arguments: Dict[str, Any]) -> None:
        sizes = _split(arguments)
        call = _Call(self._artifact, self._entry, arguments, sizes)
        outputs = call.make_outputs(self._lse, out)
        lib = _abi.runtime()
        desc = byref(call.c_desc())
        if self._handle:
            _abi.check(lib.attn_plan_update(self._handle, desc))
        else:
            entry = self._entry.encode() if self._entry is not None else None
            _abi.check(lib.attn_plan_create(self._artifact._handle, entry, desc, byref(self._handle)))
        self._call = call  # the arrays live as long as the plan points to them
        self.out, self.lse = outputs
        size = c_size_t()
        _abi.check(lib.attn_plan_workspace_size(self._handle, byref(size)))
        if call.device[0] == _abi.CPU:
            self._memory = _numpy().empty(size.value + _abi.WORKSPACE_ALIGNMENT, "uint8")
            self._workspace = -(-self._memory.ctypes.data // _abi.WORKSPACE_ALIGNMENT) * _abi.WORKSPACE_ALIGNMENT
        else:
            self._memory = Memory(call.device, size.value)
            self._workspace = self._memory.address
        self._size = size.value

    def run(self) -> Tuple[Any, Any]:
        """Computes and returns ``(out, lse)``. The GIL is free meanwhile."""
        for mirror in self._call.inputs:
            mirror.write()
        _abi.check(_abi.runtime().attn_run(self._handle, self._workspace, self._size))
        for mirror in self._call.outputs:
            mirror.read()
        return self.out, self.lse

    @property
    def summary(self) -> str:
        """What was chosen: variant, tile forms, tasks, threads."""
        return _abi.runtime().attn_plan_summary(self._handle).decode()

    def __del__(self):
        if getattr(self, "_handle", None):
            _abi.runtime().attn_plan_destroy(self._handle)
            self._handle = None


def attend(artifact: Artifact, *, entry: Optional[str] = None, lse: bool = True, out=None, **arguments):
    """Runs an entry point once and returns ``(out, lse)``.

    Tensors by name, as the pattern names them: ``q [batch, q_heads, q_len, d]``, ``k [batch, kv_heads, kv_len, d]``,
    ``v [batch, kv_heads, kv_len, dv]``, and the pattern's operands. dtype float32, float16 or bf16 (``ml_dtypes``, or
    its bits as uint16). Scalars by name: one value, or one per request. Results: ``out [batch, q_heads, q_len, dv]`` in
    the dtype of q, ``lse [batch, q_heads, q_len]`` float32, natural logarithm (None unless ``lse``).

    Optional: ``q_lens``, ``kv_lens`` (one per request; rows past them are not read or written), ragged tensors
    ``q [total rows, q_heads, d]`` and ``k, v [total rows, kv_heads, d]`` with lengths and, if requests do not lie one after
    the other, first rows ``q_rows``, ``kv_rows``; ``q_pos`` (position of query row 0, where the pattern takes it), ``layer``,
    ``threads``, ``isa``, ``head_maps`` (name of a key or value tensor -> for each KV head the head of the tensor that
    holds it, or -1), ``out`` (an array to write to), ``device``: ``"cpu"``, ``"cuda"`` (``"cuda:1"``) or ``"emulator"``, to
    whose memory the arrays are copied for each run. Of the emulator: ``emulator_completion`` (``"early"``, ``"late"`` or
    ``"random"``: when asynchronous copies take effect) and ``emulator_seed``.
    """
    return Plan(artifact, entry=entry, lse=lse, out=out, **arguments).run()


def reference(artifact: Artifact, *, entry: Optional[str] = None, precision: str = "float64", **arguments):
    """What :func:`attend` should give, from the definition of the pattern, as float64 ``(out, lse)``. Slow; needs
    libattn. With ``precision`` float32, float16 or bfloat16 every intermediate is rounded to that type: the error of
    a naive implementation."""
    sizes = _split(arguments)
    call = _Call(artifact, entry, arguments, sizes)
    outputs = call.make_outputs(True, dtype=_numpy().float64)
    lib = _abi.compiler()
    spec = artifact.spec.encode()
    options = _abi.ReferenceOptions(precision=_DTYPES[precision])
    name = entry.encode() if entry is not None else None
    code = lib.attn_reference_run(spec, len(spec), name, byref(call.c_desc()), byref(options))
    _abi.check(code, lib.attn_compiler_last_error)
    return outputs
