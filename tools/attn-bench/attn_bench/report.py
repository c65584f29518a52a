"""Results as Markdown and JSON."""

import datetime
import platform
import statistics

COLUMNS = {
    "prefill": ["pattern", "dtype", "d", "length", "batch", "heads", "ms", "gflops", "peak", "sdpa", "flex"],
    "sparse": ["pattern", "dtype", "d", "length", "heads", "ms", "ns_pair", "speedup", "bound", "tiles", "flex"],
    "decode": ["dtype", "d", "group", "length", "batch", "megabytes", "ms", "gbs", "bandwidth", "sdpa"],
    "threads": ["case", "threads", "speedup"],
}
LEGEND = {
    "prefill": "`gflops` of visible pairs, `peak` the fraction of the multiply-add peak of the same rounds spent on visited "
    "tiles, `sdpa` and `flex` their time over ours.",
    "sparse": "`speedup` dense time over ours, `bound` all tiles over visited tiles (tiles of the dense kernel), `tiles` our time "
    "over dense time times the visited fraction, `flex` FlexAttention's time over ours (its block mask made beforehand).",
    "decode": "`megabytes` of keys and values, `bandwidth` the fraction of the rate at which the same keys and values are only "
    "read in the same rounds, `sdpa` its time over ours.",
    "threads": "`speedup` time on one thread over time on all.",
}


def cell(value) -> str:
    if value is None:
        return ""
    if not isinstance(value, float):
        return str(value)
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}" if value >= 0.095 else f"{value:.3f}"


def summary(rows):
    """Medians of ratios, one line each."""
    lines = []

    def line(text, values, digits=2):
        values = [v for v in values if v is not None]
        if values:
            lines.append(f"{text}: {statistics.median(values):.{digits}f} (from {min(values):.{digits}f} to {max(values):.{digits}f}, {len(values)} cases)")

    for name in ("dense", "causal"):
        of = [r for r in rows["prefill"] if r["pattern"] == name]
        for rival in ("sdpa", "flex"):
            line(f"{name} prefill, {rival} time over ours", [r[rival] for r in of])
        line(f"{name} fp32 d 128, fraction of the peak", [r["peak"] for r in of if r["dtype"] == "f32" and r["d"] == 128])
    for name in dict.fromkeys(r["pattern"] for r in rows["sparse"]):
        of = [r for r in rows["sparse"] if r["pattern"] == name]
        line(f"{name}, flex time over ours", [r["flex"] for r in of])
        line(f"{name}, time over dense time times visited tiles", [r["tiles"] for r in of])
    for dtype in ("f32", "f16", "bf16"):
        for group in (1, 8):
            of = [r for r in rows["decode"] if r["dtype"] == dtype and r["group"] == group]
            line(f"decode {dtype}, {group} query heads a KV head, fraction of the bandwidth", [r["bandwidth"] for r in of])
    for r in rows["threads"]:
        line(f"{r['case']}, speed-up on {r['threads']} threads", [r["speedup"]])
    return lines


def machine() -> str:
    model = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), platform.machine())
    return f"{model}, {platform.system()} {platform.machine()}"


def markdown(result) -> str:
    lines = [f"# attn-bench, {result['date']}", "", f"`{result['command']}`", ""]
    lines += [f"Machine: {result['machine']}, {result['threads']} threads. Versions: {result['versions']}. Ceilings: {result['ceilings']}.", ""]
    lines += ["Medians of rounds in which every contender runs once; ratios are formed inside a round.", ""]
    lines += [f"- {line}" for line in summary(result["tables"])] + [""]
    for table, columns in COLUMNS.items():
        rows = result["tables"][table]
        columns = [c for c in columns if any(r.get(c) is not None for r in rows)]
        if not rows:
            continue
        lines += [f"## {table}", "", LEGEND[table], "", "| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
        lines += ["| " + " | ".join(cell(r.get(c)) for c in columns) + " |" for r in rows] + [""]
    return "\n".join(lines)


def ratios(result):
    """For tools/systems-report.py: the largest case of each pattern that is a row of the table of systems."""
    best = {}
    for row in result["tables"]["sparse"]:
        if row["slug"] and row["length"] >= best.get(row["slug"], {"length": 0})["length"]:
            best[row["slug"]] = row
    return [
        {"slug": s, "ratio": round(r["speedup"], 2), "bound": round(r["bound"], 2), "command": result["command"], "date": result["date"]}
        for s, r in best.items()
    ]


def today() -> str:
    return datetime.date.today().isoformat()
