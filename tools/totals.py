"""Sums the JUnit files that tools/test.sh collects and prints `N passed, N failed`, with skipped tests if there are any."""

import sys
import xml.etree.ElementTree as xml
from pathlib import Path


def outcomes(path: Path):
    """(passed, failed, skipped) of one JUnit file; a missing one counts as a failure."""
    if not path.exists():
        return 0, 1, 0
    cases = list(xml.parse(path).getroot().iter("testcase"))
    bad = sum(1 for c in cases if c.find("failure") is not None or c.find("error") is not None)
    skipped = sum(1 for c in cases if c.find("skipped") is not None or c.get("status") == "notrun")
    return len(cases) - bad - skipped, bad, skipped


def main(folder: Path) -> int:
    # ctest runs one GoogleTest program per test. A program that crashes leaves no file, which ctest's own file shows.
    unit = [outcomes(p) for p in sorted((folder / "gtest").glob("*.xml"))]
    crashed = max(0, outcomes(folder / "ctest.xml")[1] - sum(1 for u in unit if u[1]))
    rows = unit + [(0, crashed, 0), outcomes(folder / "lit.xml"), outcomes(folder / "pytest.xml")]
    passed, failed, skipped = (sum(column) for column in zip(*rows))
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
