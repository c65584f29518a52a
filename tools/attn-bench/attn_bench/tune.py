"""Searches the tile sizes of a pattern on this machine."""

import itertools
import json
from types import SimpleNamespace

import numpy as np

import attn
from attn_bench import oracle
from attn_bench.measure import interleave

PREFILL = {"rows": (32, 48, 64, 96, 128, 144, 192), "keys": (32, 48, 64, 96, 128)}
DECODE = {"rows": (1, 2, 4, 8, 16), "keys": (32, 64, 128, 256)}
SHAPES = {"prefill": (2048, 2048, 2, 2), "decode": (1, 16384, 16, 2)}  # q_len, kv_len, query heads, KV heads


def _tensors(compiled, entry, dtype, d, dv, q_len, kv_len, heads, kv_heads):
    """Random inputs for every tensor of the entry."""
    rng = np.random.default_rng(0)
    sizes = {"batch": 1, "q_heads": heads, "kv_heads": kv_heads, "layers": 1, "q_len": q_len, "kv_len": kv_len, "d": d, "dv": dv, "d/2": d // 2}
    defaults = {p["name"]: p["default"] for p in compiled.manifest.get("params", [])}
    operands = {o["name"]: o for o in compiled.manifest.get("operands", [])}
    arrays = {}
    for argument in compiled.arguments(entry):
        if argument.role in (attn._abi.OUT, attn._abi.LSE):
            continue
        if argument.role == attn._abi.QUERY:
            arrays[argument.name] = oracle.to_bits(rng.standard_normal((1, heads, q_len, d), np.float32), dtype)
        elif argument.role in (attn._abi.KEY, attn._abi.VALUE):
            rows = kv_len if argument.ring_param is None else sum(int(defaults[p]) for p in _ring(compiled, argument))
            width = d if argument.role == attn._abi.KEY else dv
            arrays[argument.name] = oracle.to_bits(rng.standard_normal((1, kv_heads, rows, width), np.float32), dtype)
        else:
            o = operands[argument.name]
            shape = [sizes[s] if s in sizes else int(defaults.get(s, s)) for s in map(str, o["shape"])]
            kind = {"bool": np.bool_, "i8": np.int8, "i32": np.int32, "i64": np.int64, "f32": np.float32, "f16": np.float16}
            values = rng.standard_normal(shape) * 0.1 if o["dtype"] in ("f32", "f16") else np.zeros(shape)
            arrays[argument.name] = values.astype(kind[o["dtype"]])
    return arrays


def _ring(compiled, argument):
    cache = next(c for c in compiled.manifest["caches"] if c.get("ring") == argument.ring_param)
    return cache["sink"], cache["ring"]


def _search(spec, form, candidates, variant, shape, entry, log):
    """[(time over the cost model's time, sizes)] best first; the model's own choice has ratio 1."""
    q_len, kv_len, heads, kv_heads = shape

    def plan(schedule):
        compiled = attn.compile({**spec, "schedule": schedule}, variants=[variant.text])
        arrays = _tensors(compiled, entry, variant.dtype, variant.d, variant.dv, q_len, kv_len, heads, kv_heads)
        return attn.Plan(compiled, entry=entry, **arrays), compiled

    stated = {k: v for k, v in spec.get("schedule", {}).items() if k != form}
    model, compiled = plan(stated)
    forms = next(e for e in compiled.manifest["entries"] if e["name"] == entry)["variants"][0]["steps"][0]["forms"]
    own = next((f for f in forms if f["pack"] == (form == "decode")), None)
    if own is None or own.get("scan"):
        return None
    found = []
    for rows, keys in itertools.product(candidates["rows"], candidates["keys"]):
        if (rows, keys) == (own["rows"], own["keys"]):
            continue
        tried, _ = plan({**stated, form: {"rows": rows, "keys": keys}})
        times = interleave({"model": model.run, "tried": tried.run}, 3)
        found.append((times.ratio("tried", "model"), (rows, keys), tried))
        log(f"  {form} rows {rows} keys {keys}: {found[-1][0]:.3f} of the model's time")
    found.sort(key=lambda item: item[0])
    best = found[:3]
    times = interleave({"model": model.run, **{str(i): t for i, t in enumerate(b[2].run for b in best)}}, 15)
    final = [(times.ratio(str(i), "model"), sizes) for i, (_, sizes, _) in enumerate(best)]
    return sorted(final + [(1.0, (own["rows"], own["keys"]))])


def run(options) -> int:
    spec = json.loads(options.tune.read_text())
    spec.pop("$schema", None)
    fields = dict(part.split("=") for part in options.variant.split(","))
    d = int(fields.get("d", 64))
    variant = SimpleNamespace(text=options.variant, d=d, dv=int(fields.get("dv", d)), dtype=fields.get("dtype", "f32"))
    compiled = attn.compile(spec, variants=[options.variant])
    schedule = dict(spec.get("schedule", {}))
    for entry in (e["name"] for e in compiled.manifest["entries"]):
        for form, candidates in (("prefill", PREFILL), ("decode", DECODE)):
            result = _search(spec, form, candidates, variant, SHAPES[form], entry, print)
            if result is None:
                continue
            ratio, (rows, keys) = result[0]
            print(f"{entry} {form}: best rows {rows} keys {keys}, {ratio:.3f} of the time of the cost model's choice")
            if ratio < 0.98:
                schedule[form] = {"rows": rows, "keys": keys}
    if options.write:
        spec["schedule"] = schedule
        if not schedule:
            del spec["schedule"]
        options.write.write_text(json.dumps(spec, indent=2) + "\n")
        print(f"wrote {options.write}")
    return 0
