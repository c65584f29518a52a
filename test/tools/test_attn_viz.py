"""attn-viz: pictures are right (against NumPy), the same bytes everywhere, and those of the docs are current."""

import hashlib
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import bad_input  # noqa: E402
import pictures  # noqa: E402

GOLDEN = Path(__file__).parent / "Inputs/attn-viz"
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "</title><script>alert(1)</script>&\"'\u0001\ufffe"


@pytest.fixture(scope="module")
def viz(build_dir):
    def run(*arguments, **options) -> bytes:
        return subprocess.run([build_dir / "bin/attn-viz", *arguments], capture_output=True, check=True, **options).stdout

    return run


# ---- right -----------------------------------------------------------------------------------------------------------


def classes(visible: np.ndarray, rows: int, keys: int) -> list[str]:
    """The tiles of a mask, from the definition. A tile that reaches past the keys is partial."""
    lines = []
    for i in range(0, visible.shape[0], rows):
        tiles = [visible[i : i + rows, j : j + keys] for j in range(0, visible.shape[1], keys)]
        lines.append("".join("." if not t.any() else "#" if t.all() and t.shape[1] == keys else "+" for t in tiles))
    return lines


def drawing(text: str, width: int) -> list[str]:
    return [line[1:] for line in text.splitlines() if re.fullmatch(rf"[ !][.#+]{{{width}}}", line)]


@pytest.mark.parametrize("q_len, kv_len, rows, keys", [(40, 40, 8, 8), (17, 50, 4, 8), (33, 33, 16, 5), (1, 30, 1, 4)])
@pytest.mark.parametrize(
    "mask, formula",
    [
        ("causal", lambda q, k: k <= q),
        ("k <= q and (k < 3 or q - k < 9)", lambda q, k: (k <= q) & ((k < 3) | (q - k < 9))),
        ("q // 8 == k // 8 and k % 3 != 1", lambda q, k: (q // 8 == k // 8) & (k % 3 != 1)),
        ("is_pow2(q - k)", lambda q, k: (q > k) & ((q - k) & (q - k - 1) == 0)),
        ("k < q - 12", lambda q, k: k < q - 12),
        ("float(k) * 1.5 <= float(q) and abs(q - 2 * k) > 4", lambda q, k: (k * 1.5 <= q) & (abs(q - 2 * k) > 4)),
    ],
)
def test_tiles_and_figures(viz, mask, formula, q_len, kv_len, rows, keys):
    spec = {"attn": 1, "name": "m", "positions": "bottom_right", "mask": mask}
    sizes = [f"--q={q_len}", f"--kv={kv_len}", f"--tile={rows}x{keys}"]
    text = viz("-", *sizes, input=json.dumps(spec).encode()).decode()
    visible = formula(np.arange(kv_len - q_len, kv_len)[:, None], np.arange(kv_len)[None, :])
    want, got = classes(visible, rows, keys), drawing(text, -(-kv_len // keys))
    if "without need" in text:  # a range program may be careful, never wrong
        assert len(got) == len(want) and all(a in (b, "+") for a, b in zip("".join(got), "".join(want)))
    else:
        assert got == want
    assert f"{100 * visible.mean():.1f} % of the pairs" in text
    blind = int((~visible.any(axis=1)).sum())
    assert (f"without a visible key: {blind}\n" in text) if blind else "without a visible key" not in text


@pytest.mark.parametrize("height, width", [(8, 8), (5, 6), (7, 9)])
def test_boxes_of_a_token_grid(viz, height, width):
    """Tiles as boxes of an image, from the definition: cut along both axes, numbered row by row."""
    spec = {"attn": 1, "name": "m", "positions": "bottom_right", "params": {"height": height, "width": width},
            "grid": {"axes": ["y", "x"], "sizes": ["height", "width"]},
            "mask": "abs(q.y - k.y) <= 1 and abs(q.x - k.x) <= 1"}  # fmt: skip
    text = viz("-", "--tile=4x4", input=json.dumps(spec).encode()).decode()  # lengths: the whole grid
    sizes = re.search(r"boxes of (\d+) x (\d+) queries, (\d+) x (\d+) keys", text)
    y, x = np.divmod(np.arange(height * width), width)
    visible = (abs(y[:, None] - y) <= 1) & (abs(x[:, None] - x) <= 1)

    def boxes(rows, columns):
        for top in range(0, height, rows):
            for left in range(0, width, columns):
                yield np.flatnonzero((top <= y) & (y < top + rows) & (left <= x) & (x < left + columns))

    a, b, c, d = map(int, sizes.groups())
    want = []
    for queries in boxes(a, b):
        tiles = [visible[np.ix_(queries, keys)] for keys in boxes(c, d)]
        want.append("".join("." if not t.any() else "#" if t.all() and t.shape[1] == c * d else "+" for t in tiles))
    assert drawing(text, len(want[0])) == want
    assert f"{100 * visible.mean():.1f} % of the pairs" in text


def test_operands_from_files(viz, tmp_path):
    doc = np.repeat(np.arange(5, dtype=np.int32), [3, 10, 1, 12, 6])[None]
    np.save(tmp_path / "doc.npy", doc)
    text = viz(ROOT / "patterns/document.json", "--q=32", "--tile=4x4", f"--operand=doc={tmp_path}/doc.npy").decode()
    i = np.arange(32)
    assert drawing(text, 8) == classes((doc[0][:, None] == doc[0][None]) & (i[None] <= i[:, None]), 4, 4)
    assert "made up" not in text


@pytest.mark.parametrize(
    "array, error",
    [
        (np.zeros((1, 32), np.int64), "operand 'doc': expected dtype i32"),
        (np.zeros(32, np.int32), "operand 'doc': expected rank 2, got 1"),
        (np.zeros((1, 31), np.int32), "operand 'doc': dimension 1 must be at least 32, got 31"),
        (-np.arange(32, dtype=np.int32)[None], "operand 'doc': must not decrease along the last dimension"),
    ],
)
def test_wrong_operands(build_dir, tmp_path, array, error):
    np.save(tmp_path / "doc.npy", array)
    command = [build_dir / "bin/attn-viz", ROOT / "patterns/document.json", "--q=32", f"--operand=doc={tmp_path}/doc.npy"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert (run.stdout, run.stderr, run.returncode) == ("", f"attn-viz: {error}\n", 1)


def test_large_calls_draw_tiles_only(viz):
    text = viz(ROOT / "patterns/causal.json", "--q=1048576", "--tile=4096x4096").decode()
    assert "at least 49.8 % of the pairs" in text and "tiles: 32640 full, 256 partial, 32640 skipped" in text


# ---- the same bytes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.txt")), ids=lambda path: path.stem)
def test_golden_text(viz, path):
    assert viz(ROOT / f"patterns/{path.stem}.json", *pictures.ARGUMENTS[path.stem]).decode() == path.read_text()


def test_golden_png(viz):
    png = viz(ROOT / "patterns/duoattention.json", "--format=png", *pictures.ARGUMENTS["duoattention"])
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert hashlib.sha256(png).hexdigest() == (GOLDEN / "duoattention.png.sha256").read_text().strip()


# ---- pictures of the docs --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def drawn(build_dir, tmp_path_factory):
    out = tmp_path_factory.mktemp("pictures")
    for pattern in pictures.PATTERNS:
        pictures.draw(pattern, out)
    return out


@pytest.mark.parametrize("name", [p.stem for p in pictures.PATTERNS])
def test_picture_is_current(drawn, name):
    text = (drawn / f"{name}.svg").read_text()
    assert (ROOT / f"docs/patterns/{name}.svg").read_text() == text, "run tools/docs.sh"
    assert len(text) < 60_000
    tags = {element.tag.removeprefix(SVG) for element in ET.fromstring(text).iter()}
    assert tags <= {"svg", "title", "desc", "path", "text"} and "http" not in text.replace("http://www.w3.org/2000/svg", "")


def test_pictures_are_of_patterns():
    names = {p.stem for p in pictures.PATTERNS}
    assert {p.stem for p in (ROOT / "docs/patterns").glob("*.svg")} == names and set(pictures.ARGUMENTS) <= names


# ---- hostile specs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", bad_input.SPECS, ids=lambda case: case["case"])
def test_wrong_specs_are_refused_as_by_the_compiler(build_dir, case):
    run = subprocess.run([build_dir / "bin/attn-viz"], input=bad_input.document(case), capture_output=True, text=True)
    assert (run.stderr, run.stdout, run.returncode) == (bad_input.stderr(case), "", 1)


def test_text_of_a_spec_is_no_markup(viz):
    spec = {"attn": 1, "name": "m", "doc": HOSTILE, "positions": "top_left", "mask": "causal"}
    tree = ET.fromstring(viz("-", "--format=svg", input=json.dumps(spec).encode()))
    assert tree.find(f"{SVG}desc").text == "</title><script>alert(1)</script>&\"'"
    assert not tree.findall(f".//{SVG}script")
