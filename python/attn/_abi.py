"""The C ABI in ctypes: structs of attn.h and compiler.h, the two libraries, errors."""

import ctypes
import functools
import os
from ctypes import POINTER, Structure, byref, c_char_p, c_double, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from pathlib import Path

STRUCT_VERSION = 1
WORKSPACE_ALIGNMENT = 64
F32, F16, BF16, F64, BOOL, I8, I32, I64 = range(1, 9)
QUERY, KEY, VALUE, OUT, LSE, OPERAND = range(1, 7)
CPU, CUDA, EMULATOR = range(3)
RANGE_ERROR = 14
"""ATTN_ERR_RANGE, which ends the lists of arguments and params."""

INT64_P = POINTER(c_int64)


class AttnError(Exception):
    """A refused call. ``code`` is the stable name, such as ``"NO_VARIANT"``; the text says which argument, what was
    expected and what was given."""

    def __init__(self, code: str, message: str):
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Versioned(Structure):
    """A struct that begins with its size and version."""

    def __init__(self, **fields):
        super().__init__(struct_size=ctypes.sizeof(self), version=STRUCT_VERSION, **fields)


def struct(name: str, *fields):
    return type(name, (Versioned,), {"_fields_": [("struct_size", c_uint32), ("version", c_uint32), *fields]})


Tensor = struct(
    "Tensor",
    ("name", c_char_p),
    ("data", c_void_p),
    ("dtype", c_int32),
    ("ndim", c_int32),
    ("shape", INT64_P),
    ("strides", INT64_P),
    ("head_map", POINTER(c_int32)),
)
Scalar = struct(
    "Scalar", ("name", c_char_p), ("data", c_void_p), ("dtype", c_int32), ("reserved", c_int32), ("count", c_int64)
)
PlanDesc = struct(
    "PlanDesc",
    *((name, c_int64) for name in ("batch", "q_heads", "kv_heads", "layer", "q_len", "kv_len")),
    *((name, INT64_P) for name in ("q_lens", "kv_lens", "q_rows", "kv_rows", "q_pos")),
    ("tensors", POINTER(Tensor)),
    ("tensor_count", c_int64),
    ("scalars", POINTER(Scalar)),
    ("scalar_count", c_int64),
    ("isa", c_char_p),
    ("threads", c_int32),
    ("reserved", c_int32),
    ("parallel_for", c_void_p),
    ("parallel_user", c_void_p),
    ("device", c_int32),
    ("device_index", c_int32),
    ("emulator_completion", c_int32),
    ("reserved2", c_int32),
    ("emulator_seed", c_uint64),
)
ArgumentInfo = struct(
    "ArgumentInfo",
    ("name", c_char_p),
    ("role", c_int32),
    ("dtype", c_int32),
    ("required", c_int32),
    ("sink_param", c_char_p),
    ("ring_param", c_char_p),
    ("rank", c_int32),
    ("domain", c_int32),
    ("shape", c_char_p * 4),
    ("slots", c_int32),
    ("reserved", c_int32),
)
ParamInfo = struct(
    "ParamInfo",
    ("name", c_char_p),
    ("dtype", c_int32),
    ("has_default", c_int32),
    ("int_default", c_int64),
    ("float_default", c_double),
    ("positive", c_int32),
    ("reserved", c_int32),
)
CompileOptions = struct(
    "CompileOptions",
    ("targets", c_char_p),
    ("variants", POINTER(c_char_p)),
    ("variant_count", c_int64),
    ("assemble", c_int32),
    ("reserved", c_int32),
)
ReferenceOptions = struct("ReferenceOptions", ("precision", c_int32), ("reserved", c_int32))


def _folders():
    """Where the libraries may be: $ATTN_LIBRARY_DIR, else the package, else a build of the source tree around it."""
    if "ATTN_LIBRARY_DIR" in os.environ:
        return [Path(os.environ["ATTN_LIBRARY_DIR"])]
    package = Path(__file__).resolve().parent
    builds = [package.parents[1] / "build" / preset / "lib" for preset in ("release", "dev")]
    return [package / "lib", *builds]


def _load(name: str) -> ctypes.CDLL:
    for folder in _folders():
        if (folder / name).exists():
            return ctypes.CDLL(str(folder / name))
    if "ATTN_LIBRARY_DIR" in os.environ:
        raise ImportError(f"{name} is not in ATTN_LIBRARY_DIR ({os.environ['ATTN_LIBRARY_DIR']})")
    try:
        return ctypes.CDLL(name)  # an installed one
    except OSError as error:
        raise ImportError(f"{name} was not found; build attn, or set ATTN_LIBRARY_DIR to the folder with it") from error


def _declare(library: ctypes.CDLL, result, name: str, *arguments):
    function = getattr(library, name)
    function.restype = result
    function.argtypes = arguments


@functools.lru_cache(maxsize=None)
def runtime() -> ctypes.CDLL:
    """libattn_rt with its functions declared."""
    lib = _load("libattn_rt.so.0")
    _declare(lib, c_char_p, "attn_version")
    _declare(lib, c_char_p, "attn_code_name", c_int32)
    _declare(lib, c_char_p, "attn_last_error")
    _declare(lib, c_int32, "attn_artifact_open_bytes", c_char_p, c_size_t, POINTER(c_void_p))
    _declare(lib, None, "attn_artifact_close", c_void_p)
    _declare(lib, c_char_p, "attn_artifact_manifest", c_void_p, c_void_p)
    _declare(lib, c_char_p, "attn_artifact_spec", c_void_p, c_void_p)
    _declare(lib, c_int32, "attn_artifact_argument", c_void_p, c_char_p, c_int64, POINTER(ArgumentInfo))
    _declare(lib, c_int32, "attn_artifact_param", c_void_p, c_int64, POINTER(ParamInfo))
    _declare(lib, c_int32, "attn_plan_create", c_void_p, c_char_p, POINTER(PlanDesc), POINTER(c_void_p))
    _declare(lib, c_int32, "attn_plan_update", c_void_p, POINTER(PlanDesc))
    _declare(lib, c_int32, "attn_plan_workspace_size", c_void_p, POINTER(c_size_t))
    _declare(lib, c_char_p, "attn_plan_summary", c_void_p)
    _declare(lib, None, "attn_plan_destroy", c_void_p)
    _declare(lib, c_int32, "attn_run", c_void_p, c_void_p, c_size_t)
    _declare(lib, c_int32, "attn_device_allocate", c_int32, c_int32, c_size_t, POINTER(c_void_p))
    _declare(lib, c_int32, "attn_device_release", c_int32, c_int32, c_void_p)
    _declare(lib, c_int32, "attn_device_write", c_int32, c_int32, c_void_p, c_void_p, c_size_t)
    _declare(lib, c_int32, "attn_device_read", c_int32, c_int32, c_void_p, c_void_p, c_size_t)
    return lib


@functools.lru_cache(maxsize=None)
def compiler() -> ctypes.CDLL:
    """libattn with its functions declared. ImportError where only the runtime is installed."""
    lib = _load("libattn.so.0")
    _declare(lib, c_char_p, "attn_compiler_last_error")
    _declare(
        lib, c_int32, "attn_compile", c_char_p, c_size_t, POINTER(CompileOptions), POINTER(c_void_p), POINTER(c_size_t)
    )
    _declare(lib, None, "attn_free", c_void_p)
    _declare(
        lib,
        c_int32,
        "attn_reference_run",
        c_char_p,
        c_size_t,
        c_char_p,
        POINTER(PlanDesc),
        POINTER(ReferenceOptions),
    )
    return lib


def check(code: int, last_error=None) -> None:
    """Raises AttnError unless ``code`` is 0. ``last_error`` is the function with the text, by default the runtime's."""
    if code:
        text = (last_error or runtime().attn_last_error)()
        raise AttnError(runtime().attn_code_name(code).decode(), text.decode(errors="replace"))


def version() -> str:
    """Version of libattn_rt."""
    return runtime().attn_version().decode()


def array64(values):
    """A C array of int64."""
    return (c_int64 * len(values))(*values)


__all__ = [name for name in dir() if not name.startswith("__")] + ["byref", "c_size_t", "c_void_p"]
