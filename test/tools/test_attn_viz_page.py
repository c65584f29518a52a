"""The page of attn-viz in a real browser: its figures are those of the tool, its controls work, it loads nothing, and a
hostile pattern runs nothing."""

import json
import re
import subprocess
import urllib.parse
from pathlib import Path

import numpy as np
import pytest

import browser as chromium

ROOT = Path(__file__).resolve().parents[2]

needs_browser = pytest.mark.skipif(not chromium.PROGRAM, reason="Chromium is not installed (tools/setup.sh --browser)")


@pytest.fixture(scope="module")
def viz(build_dir):
    def run(*arguments, spec=None) -> str:
        text = None if spec is None else json.dumps(spec)
        command = [build_dir / "bin/attn-viz", *arguments]
        return subprocess.run(command, capture_output=True, check=True, text=True, input=text).stdout

    return run


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    made = chromium.Browser(tmp_path_factory.mktemp("profile"))
    yield made
    made.close()


@pytest.fixture
def show(browser, viz, tmp_path):
    """Opens the page of a pattern; a state goes into the hash."""

    def open_page(*arguments, spec=None, state=None):
        page = tmp_path / "page.html"
        viz(*arguments, "-o", page, spec=spec)
        browser.open(page.as_uri() + ("#" + urllib.parse.quote(json.dumps(state)) if state else ""))
        assert not browser.reported("Runtime.exceptionThrown") and not browser.reported("Log.entryAdded")
        return browser

    return open_page


def figures(browser) -> dict:
    return json.loads(browser.value("document.getElementById('figures').dataset.figures"))


def same_as_text(page: dict, text: str, panel: int = 0) -> None:
    """The figures of the page are those of a drawing of the tool."""
    tiles = [tuple(map(int, t)) for t in re.findall(r"tiles: (\d+) full, (\d+) partial, (\d+) skipped", text)]
    percent = re.findall(r"([0-9.]+) % of the pairs", text)
    assert (page["full"], page["partial"], page["skipped"]) == tiles[panel]
    assert f"{100 * page['visible'] / page['pairs']:.1f}" == percent[panel]
    if len(tiles) == 1:
        assert page["blind"] == int((re.findall(r"without a visible key: (\d+)", text) or [0])[0])


# A pattern's arguments; then what is changed, as the page and as the tool are told.
CASES = [
    ("causal", ["--q=96"], {}, []),
    ("causal", [], {"q": 33, "kv": 100, "rows": 7, "keys": 9}, ["--q=33", "--kv=100", "--tile=7x9"]),
    ("sliding_window", ["--q=64"], {"params": {"window": 11}}, ["--q=64", "--param=window=11"]),
    ("sink_window", ["--q=64"], {"q": 20, "params": {"sink": 3, "window": 9}},
     ["--q=20", "--kv=64", "--tile=4x4", "--param=sink=3", "--param=window=9"]),
    ("document", ["--q=80"], {}, ["--q=80"]),
    ("key_merge", ["--q=64"], {"params": {"shared": 9, "window": 20}}, ["--q=64", "--param=shared=9", "--param=window=20"]),
    ("strided", ["--q=64", "--tile=3x5"], {"entry": "fixed_mask", "params": {"stride": 10, "summary": 3}},
     ["--q=64", "--tile=3x5", "--entry=fixed_mask", "--param=stride=10", "--param=summary=3"]),
    ("powerattention", ["--q=96", "--tile=5x7"], {"params": {"block": 6}}, ["--q=96", "--tile=5x7", "--param=block=6"]),
    ("gqa_decode", ["--q=16", "--kv=64"], {"steps": True}, ["--q=16", "--kv=64", "--steps=decode"]),
    ("dense", ["--q=16", "--kv=18", "--tile=4x4"], {}, []),
]  # fmt: skip


@needs_browser
@pytest.mark.parametrize("name, first, state, second", CASES, ids=[f"{c[0]}-{i}" for i, c in enumerate(CASES)])
def test_figures_are_those_of_the_tool(show, viz, name, first, state, second):
    pattern = ROOT / f"patterns/{name}.json"
    same_as_text(figures(show(pattern, *first, state=state)), viz(pattern, *(second or first)))


@needs_browser
@pytest.mark.parametrize("head, panel", [(0, 0), (1, 1), (3, 0)])
def test_heads(show, viz, head, panel):
    arguments = [ROOT / "patterns/duoattention.json", "--entry=decode", "--steps=decode", "--q=40", "--kv=64", "--tile=1x4",
                 "--operand=is_retrieval=1,0,0,1", "--param=sink=4", "--param=recent=10", "--param=slots=11"]  # fmt: skip
    same_as_text(figures(show(*arguments, state={"head": head})), viz(*arguments), panel)


FNA = ["--q=130", "--tile=16x16", "--param=rows=10", "--param=columns=13"]
GNA = ["--q=210", "--tile=8x16", "--param=frames=5", "--param=height=6", "--param=width=7", "--param=window_t=3",
       "--param=window_y=4", "--param=window_x=4", "--param=stride_t=1", "--param=stride_y=2", "--param=stride_x=2"]  # fmt: skip
VIDEO = ["--q=128", "--tile=8x8", "--param=frames=2", "--param=height=8", "--param=width=8", "--param=tile_t=1",
         "--param=tile_y=2", "--param=tile_x=4", "--param=window_t=1"]  # fmt: skip
DILATED = ["--q=64", "--tile=8x8", "--param=window=8", "--param=step=3"]


@needs_browser
@pytest.mark.parametrize(
    "name, first, state, second",
    [
        ("fna", FNA, {}, []),
        ("fna", FNA, {"q": 57}, ["--q=57", "--kv=130"]),
        ("fna", FNA, {"kv": 101, "q": 20}, ["--q=20", "--kv=101"]),
        ("fna", [*FNA, "--param=dilation_x=2"], {}, []),
        ("gna", GNA, {}, []),
        ("gna", GNA, {"q": 100, "params": {"height": 5}}, ["--q=100", "--kv=210", "--param=height=5"]),
        ("sliding_tile", VIDEO, {"q": 90, "kv": 120}, ["--q=90", "--kv=120"]),
        ("dilated_window", DILATED, {"q": 30, "params": {"step": 5, "window": 7}},
         ["--q=30", "--kv=64", "--param=step=5", "--param=window=7"]),
    ],
)  # fmt: skip
def test_boxes_are_those_of_the_tool(show, viz, name, first, state, second):
    pattern = ROOT / f"patterns/{name}.json"
    text = viz(pattern, *first, *second)
    page = show(pattern, *first, state={"rows": 5, **state})  # tile sizes do not apply
    sizes = re.search(r"boxes of [0-9x ]+ queries, [0-9x ]+ keys", text).group()
    assert f"tiles are {sizes}" in page.value("document.getElementById('figures').textContent")
    assert "without need" not in text
    same_as_text(figures(page), text)
    assert page.value("document.querySelector('input[name=rows]').disabled")


@needs_browser
def test_order_of_boxes(show):
    """On an image of 8 x 6 the rows of a box stand together, box by box, from the definition."""
    spec = {"attn": 1, "name": "m", "positions": "bottom_right", "params": {"height": 8, "width": 6},
            "grid": {"axes": ["y", "x"], "sizes": ["height", "width"]},
            "mask": "abs(q.y - k.y) <= 1 and abs(q.x - k.x) <= 1"}  # fmt: skip
    page = show("-", "--q=48", "--tile=4x4", spec=spec, state={"inBoxes": True})
    down, across = map(int, re.search(r"boxes of (\d+) x (\d+) queries", page.value("document.body.innerText")).groups())
    box = page.value("(({left, top, width, height}) => [left, top, width, height])(canvas.getBoundingClientRect())")

    def query(row):
        page.move(box[0] + box[2] / 2, box[1] + (row + 0.5) * box[3] / 48)
        return int(re.match(r"query (\d+)", page.value("document.getElementById('pair').textContent"))[1])

    order = [6 * y + x for top in range(0, 8, down) for left in range(0, 6, across)
             for y in range(top, min(top + down, 8)) for x in range(left, min(left + across, 6))]  # fmt: skip
    assert order != list(range(48)) and [query(row) for row in range(48)] == order
    page.value("document.querySelector('input[name=inBoxes]').click()")
    assert [query(row) for row in range(48)] == list(range(48))


@needs_browser
@pytest.mark.parametrize("entry, head, panel", [("decode", 0, 0), ("decode", 1, 1), ("decode, slots of mean", 0, 2), ("decode, slots of mean", 1, 3)])
@pytest.mark.parametrize("steps", [False, True])
def test_slots(show, viz, entry, head, panel, steps):
    arguments = [ROOT / "patterns/razorattention.json", "--entry=decode", "--q=12", "--kv=40", "--tile=4x3", "--q-heads=2", "--slots=8",
                 "--operand=is_retrieval=1,0", "--operand=dropped=0,40", "--param=sink=3", "--param=recent=9",
                 *(["--steps=decode"] if steps else [])]  # fmt: skip
    page = show(*arguments[:7], *arguments[8:], state={"entry": entry, "head": head, "slots": 8})
    same_as_text(figures(page), viz(*arguments), panel)
    assert figures(page)["blind"] == 0


EXPRESSIONS = [
    "(q - 20) // 7 == (k - 9) // -3",
    "(q - 20) % 7 < (3 - k) % 5",
    "(7 - k) % -4 == -(q % 3)",
    "min(q, k, 9) + max(q - k, k - q, 2) < abs(k - 17) or not (q != k)",
    "select(k < width, k % 3, q // 4) == 1 and is_pow2(q - k + 2)",
    "rate * float(k) / 3.0 < sqrt(float(q)) + exp(-0.125 * float(k)) and tanh(float(q) - 20.0) <= 0.5",
    "floor(log(float(k + 1)) * 2.0) == q // 8",
    "near[k - 5] != 0 and table[q // 9, k // 5] > 0.25",
    "member(k % 3, near, q // 9, 30) and not ancestor(parent, q, k)",
    "b == 0 and h >= g and l == 0 and q_len + kv_len > 2 * q_heads + kv_heads + batch + q + k",
]


@needs_browser
@pytest.mark.parametrize("mask", EXPRESSIONS)
def test_every_operator(show, viz, tmp_path, mask):
    rng = np.random.default_rng(1)
    np.save(tmp_path / "near.npy", rng.integers(0, 2, 30).astype(np.int32))
    np.save(tmp_path / "parent.npy", (np.arange(53) - rng.integers(1, 6, 53)).astype(np.int32))
    np.save(tmp_path / "table.npy", rng.random((6, 7)).astype(np.float32))
    spec = {"attn": 1, "name": "m", "positions": "bottom_right", "params": {"width": 13, "rate": 0.75}, "mask": mask,
            "operands": {"near": {"shape": [30], "dtype": "i32"}, "parent": {"shape": [53], "dtype": "i32"}, "table": {"shape": [6, 7], "dtype": "f32"}}}  # fmt: skip
    files = [f"--operand={name}={tmp_path}/{name}.npy" for name in ("near", "parent", "table")]
    for tile in ("1x1", "3x5"):
        arguments = ["-", "--q=41", "--kv=53", f"--tile={tile}", *files]
        text = viz(*arguments, spec=spec)
        page = figures(show(*arguments, spec=spec))
        assert 0 < page["visible"] < page["pairs"]
        if "without need" not in text:  # else a range program is careful where the page is exact
            same_as_text(page, text)
        assert f"{100 * page['visible'] / page['pairs']:.1f} %" in text


@needs_browser
def test_controls(show):
    page = show(ROOT / "patterns/sliding_window.json", "--q=64", "--param=window=20")
    before = figures(page)
    page.value("document.querySelector('input[type=range][name=param-window]').focus()")
    page.press("ArrowRight")
    after = figures(page)
    assert page.value("document.querySelector('input[type=number][name=param-window]').value") == "21"
    assert after["visible"] == before["visible"] + (64 - 20)
    page.press("Home")
    assert figures(page)["visible"] == 0 and "without a visible key: 64" in page.value("document.body.innerText")
    page.value("document.querySelector('input[type=range][name=kv]').focus()")
    page.press("Home")  # one key
    assert figures(page)["pairs"] == 64


@needs_browser
def test_pair_under_the_mouse(show):
    page = show(ROOT / "patterns/key_merge.json", "--q=64", "--param=shared=8", "--param=window=16")
    box = page.value("(({left, top, width, height}) => [left, top, width, height])(canvas.getBoundingClientRect())")

    def pair(row, key):
        page.move(box[0] + (key + 0.5) * box[2] / 64, box[1] + (row + 0.5) * box[3] / 64)
        return page.value("document.getElementById('pair').textContent")

    assert pair(30, 5) == "query 30, key 5, head 0: visible through keys.prefix"
    assert pair(30, 20) == "query 30, key 20, head 0: visible through keys.recent"
    assert pair(30, 31) == "query 30, key 31, head 0: hidden"


@needs_browser
def test_a_zero_divisor_is_said(show):
    spec = {"attn": 1, "name": "m", "positions": "top_left", "mask": "k // (q - 3) == 0"}
    page = show("-", "--q=3", spec=spec, state={"q": 5})
    assert page.value("document.getElementById('figures').textContent") == "division by zero"


@needs_browser
@pytest.mark.parametrize("state", [{"q": -5, "kv": 1e9, "rows": "x", "params": {"window": None}}, 17, None, "text", {"entry": "none"}])
def test_a_wrong_hash_does_no_harm(show, state):
    page = show(ROOT / "patterns/sliding_window.json", "--q=64", state=state)
    assert figures(page)["visible"] > 0


EVIL = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"><!--"


@needs_browser
def test_a_hostile_pattern_runs_nothing(show):
    spec = {"attn": 1, "name": "m", "doc": EVIL, "positions": "top_left", "mask": "k <= q + shift",
            "params": {"shift": {"default": 0, "doc": EVIL}}}  # fmt: skip
    page = show("-", "--q=16", spec=spec)
    assert page.value("document.title") == "m" and page.value("document.images.length") == 0
    assert page.value("document.querySelector('header p').textContent") == EVIL
    assert page.value("document.querySelector('label[title*=owned]').title") == EVIL
    assert figures(page)["visible"] == 16 * 17 // 2


@needs_browser
def test_nothing_is_loaded_and_nothing_else_may_run(show):
    page = show(ROOT / "patterns/causal.json", "--q=16")
    requests = {request["request"]["url"] for request in page.reported("Network.requestWillBeSent")}
    assert all(url.startswith("file:///") and url.endswith("/page.html") for url in requests) and len(requests) == 1
    page.value("document.body.appendChild(document.createElement('script')).textContent = 'document.title = \"more\"'")
    page.value("document.body.appendChild(document.createElement('img')).src = 'https://example.com/x.png'")
    assert page.value("document.title") == "causal"


def test_the_page_names_no_address(viz):
    text = viz(ROOT / "patterns/causal.json", "--format=html")
    assert not re.search(r"https?:|//[a-z]|\bsrc=|\bhref=|\bimport\b|fetch\(|XMLHttpRequest", text)
    assert "default-src 'none'" in text and "unsafe" not in text


def test_limits(build_dir):
    command = [build_dir / "bin/attn-viz", ROOT / "patterns/causal.json", "--format=html", "--q=4096"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert (run.stderr, run.returncode) == ("attn-viz: LIMIT: a page of 4096 rows, at most 2048\n", 1)
