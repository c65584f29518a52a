"""Draws every shipped pattern with attn-viz into the folder given (default docs/patterns), with the arguments of
docs/patterns/pictures.json. ATTN_BUILD says where the build is (default build/dev)."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ARGUMENTS = json.loads((ROOT / "docs/patterns/pictures.json").read_text())
PATTERNS = sorted((ROOT / "patterns").glob("*.json"))


def draw(pattern: Path, out: Path) -> Path:
    picture = out / f"{pattern.stem}.svg"
    tool = Path(os.environ.get("ATTN_BUILD", ROOT / "build/dev")) / "bin/attn-viz"
    subprocess.run([tool, pattern, "-o", picture, *ARGUMENTS.get(pattern.stem, [])], check=True)
    return picture


def main() -> None:
    out = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "docs/patterns")
    out.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda pattern: draw(pattern, out), PATTERNS))


if __name__ == "__main__":
    main()
