"""The only file of these tests that knows how the product is called: the Python package in python/."""

import functools
import json
import sys
from pathlib import Path

import dtypes

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "python"))

import attn  # noqa: E402


@functools.lru_cache(maxsize=None)
def _compile(spec: str, variant: str, target: str):
    return attn.compile(spec, targets=target, variants=[variant])


def artifact(case, dtype, d, dv, target="cpu"):
    spec = json.dumps(case.spec) if isinstance(case.spec, dict) else str(ROOT / "patterns" / f"{case.spec}.json")
    return _compile(spec, f"d={d},dv={dv},dtype={dtype}", target)


def run(rung: str, p):
    """(out, lse) of a problem as floats; lse is None where the pattern has none."""
    case, z = p.case, p.sizes
    sizes = {"q_lens": z.q_lens, "kv_lens": z.kv_lens, "layer": z.layer} | ({} if p.q_pos is None else {"q_pos": p.q_pos})
    suffix = f".{case.cache}" if case.cache else ""
    call = {"entry": case.entry, "q": p.q, f"k{suffix}": p.k, f"v{suffix}": p.v, **p.values, **sizes}
    if rung == "reference":
        return attn.reference(artifact(case, p.dtype, z.d, z.dv), **call)
    if rung == "emulator":  # copies as late as they may be: what is read too early is wrong
        compiled = artifact(case, p.dtype, z.d, z.dv, "sm_80")
        call |= {"device": "emulator", "emulator_completion": "late"}
    else:
        compiled = artifact(case, p.dtype, z.d, z.dv)
    out, lse = attn.attend(compiled, **call)
    return dtypes.decode(out, p.dtype), lse
