"""The tables: prefill and decode against peers and ceilings, sparse patterns, threads."""

import numpy as np

from attn_bench import cases
from attn_bench import contenders
from attn_bench.contenders import Problem
from attn_bench.measure import interleave

BUDGET = 4.0  # seconds of one comparison


class Suite:
    def __init__(self, options, ceilings, torch, log):
        self.options, self.ceilings, self.torch, self.log = options, ceilings, torch, log
        self.rows = {"prefill": [], "sparse": [], "decode": [], "threads": []}

    def _problem(self, case, dtype, d, q_len, kv_len, batch, heads, kv_heads=None):
        return Problem(case, dtype, d, q_len, kv_len, batch, heads, kv_heads or heads)

    def _checked(self, plan, problem, what: str) -> float:
        plan.run()
        error = problem.error(plan.out)
        if not error <= 1:
            raise SystemExit(f"attn-bench: {what}: wrong result, the error is {error:.2f} times the allowed one")
        return error

    def _heads(self, length: int) -> int:
        return max(2, min(8, 16384 // length))

    def prefill(self):
        """Dense and causal against SDPA and FlexAttention, with the fraction of the multiply-add peak."""
        o = self.options
        for d, dtype, length, batch in ((d, t, n, b) for d in o.dims for t in o.dtypes for n in o.lengths for b in o.batches):
            if batch > 1 and length > 4096:
                continue
            heads = self._heads(length)
            for name, case in (("dense", cases.DENSE), ("causal", cases.CAUSAL)):
                problem = self._problem(case, dtype, d, length, length, batch, heads)
                plan = contenders.ours(problem, o.threads)
                row = {"pattern": name, "dtype": dtype, "d": d, "length": length, "batch": batch, "heads": heads}
                row["error"] = self._checked(plan, problem, f"{name} {dtype} d {d} length {length}")
                rivals = {"attn": plan.run}
                if self.torch:
                    rivals["sdpa"] = contenders.sdpa(self.torch, problem, name == "causal")
                    if length <= o.flex_length:
                        rivals["flex"] = contenders.flex(self.torch, problem, name == "dense")
                peaks = []
                rivals["peak"] = lambda: peaks.append(self.ceilings.flops(dtype))
                times = interleave(rivals, o.rounds, budget=BUDGET)
                pairs, visited, tiles = cases.tile_counts(lambda q, k: problem.mask(0, 0, q, k), length, length, 96, 64)
                flops = 4 * d * batch * heads * visited * 96 * 64
                row["ms"] = times.median("attn") * 1e3
                row["gflops"] = 4 * d * batch * heads * pairs / times.median("attn") / 1e9
                row["peak"] = flops / times.median("attn") / sorted(peaks)[len(peaks) // 2]
                for rival in ("sdpa", "flex"):
                    row[rival] = times.ratio(rival, "attn") if rival in rivals else None
                self._add("prefill", row)

    def sparse(self):
        """Every sparse pattern against FlexAttention and against dense time times the fraction of visited tiles."""
        o = self.options
        for d, dtype, length in ((d, t, n) for d in o.dims for t in o.dtypes for n in o.sparse_lengths):
            heads = self._heads(length)
            for name, case in cases.SPARSE.items():
                if o.only and not any(part in name for part in o.only):
                    continue
                if not case.fits(length):
                    continue
                problem = self._problem(case, dtype, d, length, length, 1, heads)
                plan = contenders.ours(problem, o.threads)
                dense = self._problem(cases.DENSE, dtype, d, length, length, 1, heads)
                dense_plan = contenders.ours(dense, o.threads)
                form = self._form(contenders.artifact("dense", dtype, d))
                counted = range(heads if case.by_head else 1)
                counts = [
                    cases.tile_counts(lambda q, k: problem.mask(0, h, q, k), length, length, *form) for h in counted
                ]
                pairs, visited, tiles = (sum(c[i] for c in counts) / len(counts) for i in range(3))
                row = {"pattern": name, "slug": case.slug, "dtype": dtype, "d": d, "length": length, "heads": heads}
                row["error"] = self._checked(plan, problem, f"{name} {dtype} d {d} length {length}")
                rivals = {"attn": plan.run, "dense": dense_plan.run}
                if self.torch and length <= o.flex_length:
                    rivals["flex"] = contenders.flex(self.torch, problem, False)
                times = interleave(rivals, o.rounds, budget=BUDGET)
                row["ms"] = times.median("attn") * 1e3
                row["speedup"] = times.ratio("dense", "attn")
                row["bound"] = tiles / visited
                row["tiles"] = 1 / (times.ratio("dense", "attn") * visited / tiles)
                row["pairs"] = length * length / pairs
                row["ns_pair"] = times.median("attn") * 1e9 / (pairs * heads)
                row["flex"] = times.ratio("flex", "attn") if "flex" in rivals else None
                self._add("sparse", row)

    @staticmethod
    def _form(compiled):
        form = compiled.manifest["entries"][0]["variants"][0]["steps"][0]["forms"][0]
        return form["rows"], form["keys"]

    def decode(self):
        """One token against a long cache, as a fraction of the read bandwidth."""
        o = self.options
        for d, dtype, group, length, batch in (
            (d, t, g, n, b) for d in o.dims for t in o.dtypes_decode for g in (1, 8) for n in o.cache_lengths for b in o.batches
        ):
            kv_heads = 8
            size = {"f32": 4, "f16": 2, "bf16": 2}[dtype]
            problem = self._problem(cases.CAUSAL, dtype, d, 1, length, batch, kv_heads * group, kv_heads)
            plan = contenders.ours(problem, o.threads)
            row = {"dtype": dtype, "d": d, "group": group, "length": length, "batch": batch}
            row["error"] = self._checked(plan, problem, f"decode {dtype} d {d} group {group}")
            rivals = {"attn": plan.run}
            if self.torch:
                rivals["sdpa"] = contenders.sdpa(self.torch, problem, False)
            rates = []
            rivals["read"] = lambda: rates.append(self.ceilings.bandwidth(*problem.bits[1:]))
            times = interleave(rivals, o.rounds, budget=BUDGET)
            bytes_read = 2 * size * d * batch * kv_heads * length
            row["ms"] = times.median("attn") * 1e3
            row["gbs"] = bytes_read / times.median("attn") / 1e9
            row["bandwidth"] = bytes_read / times.median("attn") / sorted(rates)[len(rates) // 2]
            row["megabytes"] = bytes_read / 1e6
            row["sdpa"] = times.ratio("sdpa", "attn") if self.torch else None
            self._add("decode", row)

    def threads(self):
        """Time on one thread over time on all, which is the number of threads where scaling is perfect."""
        o = self.options
        shapes = [("prefill", cases.CAUSAL, 4096, 4096, 4, 4), ("decode", cases.CAUSAL, 1, 32768, 32, 8)]
        for name, case, q_len, kv_len, heads, kv_heads in shapes:
            problem = self._problem(case, "f32", 128, q_len, kv_len, 1, heads, kv_heads)
            one, all_ = contenders.ours(problem, 1), contenders.ours(problem, o.threads)
            rivals, rates = {"one": one.run, "all": all_.run}, {1: [], o.threads: []}
            if name == "decode":  # which is as fast as memory: the bound on its scaling
                for n in rates:
                    rivals[f"read {n}"] = lambda n=n: rates[n].append(self.ceilings.bandwidth(*problem.bits[1:], threads=n))
            times = interleave(rivals, o.rounds, budget=BUDGET)
            self._add("threads", {"case": name, "threads": o.threads, "speedup": times.ratio("one", "all")})
            if name == "decode":
                speedup = float(np.median(rates[o.threads]) / np.median(rates[1]))
                self._add("threads", {"case": "reads of the same memory", "threads": o.threads, "speedup": speedup})

    def _add(self, table: str, row):
        self.rows[table].append(row)
        self.log(table, row)
