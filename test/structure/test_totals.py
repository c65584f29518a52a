"""The closing line of tools/test.sh tells the truth."""

import subprocess
import sys
from pathlib import Path

TOTALS = Path(__file__).resolve().parents[2] / "tools/totals.py"


def junit(*cases: str) -> str:
    body = "".join(f'<testcase name="x">{case}</testcase>' for case in cases)
    return f"<testsuites><testsuite>{body}</testsuite></testsuites>"


def totals(folder: Path, unit, ctest, lit, pytest):
    (folder / "gtest").mkdir()
    for name, text in {"gtest/a.xml": unit, "ctest.xml": ctest, "lit.xml": lit, "pytest.xml": pytest}.items():
        if text is not None:
            (folder / name).write_text(text)
    run = subprocess.run([sys.executable, TOTALS, folder], capture_output=True, text=True)
    return run.stdout.strip(), run.returncode


def test_all_pass(tmp_path):
    assert totals(tmp_path, junit("", ""), junit(""), junit(""), junit("", "<skipped/>")) == ("4 passed, 0 failed, 1 skipped", 0)


def test_one_failure_of_each_kind(tmp_path):
    bad = "<failure/>"
    assert totals(tmp_path, junit("", bad), junit(bad), junit(bad), junit("<error/>")) == ("1 passed, 3 failed", 1)


def test_a_crashed_program_and_a_missing_run_are_failures(tmp_path):
    assert totals(tmp_path, None, junit("<failure/>"), junit(""), None) == ("1 passed, 2 failed", 1)
