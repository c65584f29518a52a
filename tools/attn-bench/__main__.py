"""attn-bench: speed of compiled patterns on this machine, beside PyTorch and the machine's ceilings.

Compares, in one process, on the same threads and the same memory, checked for correctness first: attn, PyTorch's
scaled_dot_product_attention and compiled FlexAttention (where PyTorch is installed), and loops that reach the multiply-add
peak and the read bandwidth. Contenders take turns; ratios are formed within a turn and their median is shown.
"""

import argparse
import json
import os
import shlex
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "python"))
os.environ.setdefault("ATTN_BUILD", str(ROOT / "build" / "dev"))

import numpy as np  # noqa: E402

import attn  # noqa: E402
from attn_bench import contenders  # noqa: E402
from attn_bench import report  # noqa: E402
from attn_bench import tune  # noqa: E402
from attn_bench.ceilings import Ceilings  # noqa: E402
from attn_bench.suite import Suite  # noqa: E402


def numbers(text: str):
    return [int(part) for part in text.split(",")]


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="attn-bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--tables", default="prefill,sparse,decode,threads", help="which tables to make")
    add("--quick", action="store_true", help="few sizes and rounds, a minute without PyTorch")
    add("--no-peers", action="store_true", help="do not load PyTorch")
    add("--threads", type=int, default=os.cpu_count(), help="threads of every contender (default: all cores)")
    add("--rounds", type=int, default=9, help="rounds of a comparison")
    add("--dims", type=numbers, default=[64, 128], help="head dimensions")
    add("--dtypes", default="f32,bf16", help="element types of prefill")
    add("--lengths", type=numbers, default=[512, 1024, 2048, 4096, 8192, 16384], help="lengths of prefill")
    add("--sparse-lengths", type=numbers, default=[4096, 8192], help="lengths of sparse patterns")
    add("--cache-lengths", type=numbers, default=[32768], help="cache lengths of decode")
    add("--batches", type=numbers, default=[1, 4], help="batch sizes of prefill and decode")
    add("--flex-length", type=int, default=8192, help="longest length on which FlexAttention takes part")
    add("--only", type=lambda s: s.split(","), help="sparse patterns whose name contains one of these")
    add("-o", "--output", type=Path, help="write PATH.md and PATH.json")
    add("--ratios", type=Path, help="write speed-ups for tools/systems-report.py")
    add("--tune", metavar="PATTERN.json", type=Path, help="search tile sizes of a pattern instead, see --variant")
    add("--variant", default="d=64,dtype=f32", help="with --tune: what is compiled")
    add("--write", type=Path, metavar="FILE", help="with --tune: write the pattern with the best schedule here")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds, options.dims, options.lengths, options.batches = 3, [64], [1024], [1]
        options.sparse_lengths, options.cache_lengths = [2048], [32768]
    options.dtypes = options.dtypes.split(",")
    options.dtypes_decode = ["f32", "f16", "bf16"]
    for dtype in options.dtypes:
        if dtype not in options.dtypes_decode:
            parser.error(f"--dtypes: '{dtype}' is none of f32, f16, bf16")
    options.tables = options.tables.split(",")
    for table in options.tables:
        if table not in report.COLUMNS:
            parser.error(f"--tables: '{table}' is none of {', '.join(report.COLUMNS)}")
    return options


def main(arguments) -> int:
    options = parse(arguments)
    if options.tune:
        return tune.run(options)
    torch = None if options.no_peers else contenders.torch_module(options.threads)
    ceilings = Ceilings(Path(os.environ["ATTN_BUILD"]), options.threads)

    def log(table, row):
        print(table, " ".join(f"{c}={report.cell(row.get(c))}" for c in report.COLUMNS[table]), flush=True)

    suite = Suite(options, ceilings, torch, log)
    for table in options.tables:
        getattr(suite, table)()
    versions = f"attn {attn.version()}, NumPy {np.__version__}" + (f", PyTorch {torch.__version__}" if torch else "")
    measured = f"multiply-adds {ceilings.flops() / 1e9:.0f} GF/s, reads {ceilings.bandwidth() / 1e9:.1f} GB/s"
    for dtype in ["f32"] + (["bf16"] if torch else []):
        measured += f", matrix product {dtype} {Ceilings.matmul(torch, dtype) / 1e9:.0f} GF/s"
    result = {
        "date": report.today(),
        "command": "attn-bench " + shlex.join(arguments),
        "machine": report.machine(),
        "threads": options.threads,
        "versions": versions,
        "ceilings": measured,
        "tables": suite.rows,
    }
    print("\n" + "\n".join(report.summary(suite.rows)))
    if options.output:
        options.output.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")
        options.output.with_suffix(".md").write_text(report.markdown(result))
    if options.ratios:
        options.ratios.write_text(json.dumps(report.ratios(result), indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
