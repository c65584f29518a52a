"""The table of systems says what the test results say."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REPORT = ROOT / "tools/systems-report.py"
KEYS = ["id", "slug", "title", "reference", "cpu", "emulator", "cuda", "ratio", "bound", "paper", "note"]
STATUSES = {"pass", "fail", "partial", "not run", "unsupported"}


def case(system, rung, body="", **properties):
    values = {"system": system, "rung": rung, **properties}
    listed = "".join(f'<property name="{k}" value="{v}"/>' for k, v in values.items())
    return f'<testcase name="t"><properties>{listed}</properties>{body}</testcase>'


def suite(*cases, commit="abc1234", date="2026-01-02"):
    head = f'<testsuite timestamp="{date}T03:04:05"><properties><property name="commit" value="{commit}"/></properties>'
    return f"<testsuites>{head}{''.join(cases)}</testsuite></testsuites>"


def run(tmp_path, *files, ratios=None):
    names = []
    for i, text in enumerate(files):
        (tmp_path / f"{i}.xml").write_text(text)
        names.append(tmp_path / f"{i}.xml")
    extra = []
    if ratios is not None:
        (tmp_path / "ratios.json").write_text(json.dumps(ratios))
        extra = ["--ratios", tmp_path / "ratios.json"]
    return subprocess.run([sys.executable, REPORT, *names, *extra, "--out", tmp_path], capture_output=True, text=True)


def rows(tmp_path, *files, ratios=None):
    assert run(tmp_path, *files, ratios=ratios).returncode == 0
    return {row["slug"]: row for row in json.loads((tmp_path / "systems.json").read_text())}


FAILED, ERROR = '<failure message="wrong"/>', '<error message="broken"/>'
GAP, SKIPPED = '<skipped message="gap of cpu: too new"/>', '<skipped message="no such device"/>'


@pytest.mark.parametrize(
    "cases, expected",
    [
        ([], "not run"),
        ([("", {})], "pass"),
        ([("", {}), (FAILED, {})], "fail"),
        ([(ERROR, {}), ("", {"partial": "rings"})], "fail"),
        ([("", {}), ("", {"partial": "rings"})], "partial"),
        ([(SKIPPED, {})], "not run"),
        ([(SKIPPED, {}), ("", {})], "pass"),
        ([(SKIPPED, {"partial": "rings"})], "not run"),
        ([(GAP, {})], "unsupported"),
        ([(GAP, {}), ("", {})], "partial"),
        ([(GAP, {}), (FAILED, {})], "fail"),
    ],
)
def test_status_of_a_rung(tmp_path, cases, expected):
    table = rows(tmp_path, suite(*(case("moa", "cpu", body, **properties) for body, properties in cases)))
    assert table["moa"]["cpu"] == expected
    assert {table["moa"][rung] for rung in ("reference", "emulator", "cuda")} == {"not run"}


def test_every_row_is_there(tmp_path):
    table = rows(tmp_path, suite(case("moa", "cpu")))
    assert [row["id"] for row in table.values()] == list(range(71))
    assert all(list(row) == KEYS for row in table.values())
    untouched = table["h2o"]
    assert {untouched[rung] for rung in ("reference", "cpu", "emulator", "cuda")} == {"not run"}
    assert untouched["ratio"] is None and untouched["note"] == ""


def test_notes_say_what_is_missing(tmp_path):
    results = suite(case("moa", "cpu", partial="rings"), case("moa", "reference", partial="rings"), case("moa", "cpu", partial="splits"))
    assert rows(tmp_path, results)["moa"]["note"] == "without rings; splits"


def test_cuda_comes_with_date_and_commit(tmp_path):
    here = suite(case("moa", "cpu"))
    there = suite(case("moa", "cuda"), commit="fedcba9", date="2025-12-31")
    row = rows(tmp_path, here, there)["moa"]
    assert (row["cpu"], row["cuda"], row["note"]) == ("pass", "pass", "cuda: 2025-12-31, fedcba9")


def test_ratios(tmp_path):
    entry = {"slug": "moa", "ratio": 1.9, "bound": 2.0, "command": "attn-bench moa", "date": "2026-01-02"}
    row = rows(tmp_path, suite(case("moa", "cpu")), ratios=[entry])["moa"]
    assert (row["ratio"], row["bound"]) == (1.9, 2.0)
    assert "| 1.90 | 2.00 |" in (tmp_path / "systems.md").read_text()
    assert "- moa: `attn-bench moa`, 2026-01-02" in (tmp_path / "systems.md").read_text()


def test_a_test_for_no_row_is_refused(tmp_path):
    result = run(tmp_path, suite(case("mao", "cpu")))
    assert result.returncode == 1 and "not a row of the table: mao" in result.stderr


def test_tests_for_other_things_do_not_count(tmp_path):
    results = suite(case("moa", "cpu"), f'<testcase name="other">{FAILED}</testcase>')
    assert rows(tmp_path, results)["moa"]["cpu"] == "pass"


REAL = """
import pytest
pytestmark = pytest.mark.system("moa", partial="rings")

@pytest.mark.parametrize("rung", ["cpu", "reference"])
def test_both(rung):
    assert rung == "cpu"

@pytest.mark.system("yopo", rung="cpu")
def test_one(): pass

def test_of_the_oracle(): assert False
"""


def test_what_a_real_run_writes_is_read(tmp_path):
    """Through pytest's own JUnit file."""
    for name, text in (("conftest.py", (ROOT / "test/systems/conftest.py").read_text()), ("test_real.py", REAL), ("pytest.ini", "[pytest]")):
        (tmp_path / name).write_text(text)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--junitxml=run.xml"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == 1
    table = rows(tmp_path, (tmp_path / "run.xml").read_text())
    assert (table["moa"]["cpu"], table["moa"]["reference"], table["yopo"]["cpu"]) == ("partial", "fail", "pass")
    assert table["yopo"]["note"] == ""


def test_the_table_in_docs():
    """Has all rows, and only values that the tool writes."""
    table = json.loads((ROOT / "docs/systems.json").read_text())
    listed = [line.split("\t") for line in (ROOT / "test/systems/systems.tsv").read_text().splitlines()[1:]]
    assert [[str(row["id"]), row["slug"], row["title"], row["paper"]] for row in table] == [[*row[:3], row[4]] for row in listed]
    assert {row[rung] for row in table for rung in KEYS[3:7]} <= STATUSES
    text = (ROOT / "docs/systems.md").read_text()
    for row in table:
        line = next(line for line in text.splitlines() if line.startswith(f"| {row['id']} |"))
        assert all(f"| {row[rung]} |" in line for rung in KEYS[3:7]) and row["note"] in line
