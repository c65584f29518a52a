"""Artifacts: compiled patterns."""

import json
import os
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Union

from attn import _abi
from attn._abi import byref, c_size_t, c_void_p

Spec = Union[str, os.PathLike, Dict[str, Any]]


class Argument:
    """An input, output or operand of an entry point."""

    def __init__(self, info):
        text = lambda value: value.decode() if value else None
        self.name: str = text(info.name)
        self.role: int = info.role
        self.required = bool(info.required)
        self.ring_param: Optional[str] = text(info.ring_param)
        self.slots = bool(info.slots)
        self.shape: List[str] = [text(info.shape[i]) for i in range(info.rank)]


class Artifact:
    """A compiled pattern: a manifest and code. Immutable; may be shared between threads."""

    def __init__(self, data: bytes):
        """From the bytes of an ``.attn`` file. An artifact is code: open only what you would run."""
        self._handle = c_void_p()
        self._data = bytes(data)
        self._signatures: Dict[Optional[str], List[Argument]] = {}
        _abi.check(_abi.runtime().attn_artifact_open_bytes(self._data, len(self._data), byref(self._handle)))

    @classmethod
    def load(cls, path: Union[str, os.PathLike]) -> "Artifact":
        """Reads an ``.attn`` file."""
        return cls(Path(path).read_bytes())

    def save(self, path: Union[str, os.PathLike]) -> None:
        """Writes the ``.attn`` file."""
        Path(path).write_bytes(self._data)

    def __del__(self):
        if getattr(self, "_handle", None):
            _abi.runtime().attn_artifact_close(self._handle)
            self._handle = None

    def __repr__(self) -> str:
        manifest = self.manifest
        return f"<attn.Artifact {manifest['name']}: {', '.join(e['name'] for e in manifest['entries'])}>"

    @property
    def manifest(self) -> Dict[str, Any]:
        """Signature, variants and launch schedule, as the compiler wrote them."""
        return json.loads(_abi.runtime().attn_artifact_manifest(self._handle, None))

    @property
    def spec(self) -> str:
        """The normalised spec, JSON text."""
        return _abi.runtime().attn_artifact_spec(self._handle, None).decode()

    def arguments(self, entry: Optional[str] = None) -> List[Argument]:
        """Inputs, outputs and operands of an entry point (None: the only one)."""
        if entry not in self._signatures:
            self._signatures[entry] = self._read_arguments(entry)
        return self._signatures[entry]

    def _read_arguments(self, entry: Optional[str]) -> List[Argument]:
        arguments: List[Argument] = []
        info = _abi.ArgumentInfo()
        name = entry.encode() if entry is not None else None
        while True:
            code = _abi.runtime().attn_artifact_argument(self._handle, name, len(arguments), byref(info))
            if code == _abi.RANGE_ERROR:
                return arguments
            _abi.check(code)
            arguments.append(Argument(info))

    def params(self) -> List[str]:
        """Names of the run-time scalars."""
        names: List[str] = []
        info = _abi.ParamInfo()
        while _abi.runtime().attn_artifact_param(self._handle, len(names), byref(info)) == 0:
            names.append(info.name.decode())
        return names


def _spec_text(spec: Spec) -> bytes:
    if isinstance(spec, dict):
        return json.dumps(spec).encode()
    text = os.fspath(spec)
    return text.encode() if text.lstrip().startswith("{") else Path(text).read_bytes()


def compile(spec: Spec, targets: str = "cpu", variants: Sequence[str] = (), assemble: bool = False) -> Artifact:
    """Compiles a pattern: a path, JSON text, or a dictionary.

    ``targets``: comma-separated, ``"cpu"`` (this machine), ``"x86-64-v4-bf16"``, ``"x86-64-v4"``, ``"x86-64-v3"``,
    ``"generic"``; GPUs: ``"sm_80"`` and later.
    ``variants``: each ``"d=128,dv=128,dtype=bf16"``; none: those of the spec, else fp32 with d = 64.
    ``assemble``: machine code for the GPUs beside the PTX, by ptxas.
    """
    text = _spec_text(spec)
    lib = _abi.compiler()
    names = (_abi.c_char_p * max(len(variants), 1))(*(v.encode() for v in variants))
    options = _abi.CompileOptions(
        targets=targets.encode(), variants=names, variant_count=len(variants), assemble=assemble
    )
    data, size = c_void_p(), c_size_t()
    code = lib.attn_compile(text, len(text), byref(options), byref(data), byref(size))
    _abi.check(code, lib.attn_compiler_last_error)
    try:
        return Artifact(_abi.ctypes.string_at(data, size.value))
    finally:
        lib.attn_free(data)
