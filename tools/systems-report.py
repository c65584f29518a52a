#!/usr/bin/env python3
"""Writes the table of published systems from test results: docs/systems.json and docs/systems.md.

    tools/test.sh                                                        # leaves build/dev/test-results/pytest.xml
    tools/systems-report.py build/dev/test-results/pytest.xml [more.xml] [--ratios FILE] [--out FOLDER]

A test speaks for a row and a rung by the properties `system` and `rung` of its JUnit case (test/systems/conftest.py), and by
`partial`, which says what of the system it does not show. Several files are read as one run; a CUDA run comes from another
machine, so its date and commit go into the note. The ratios of a benchmark are a JSON list of {slug, ratio, bound, command,
date}: the speed against the dense kernel on the same shape, and what the number of visible pairs or tiles allows at best.
"""

import argparse
import json
import sys
import xml.etree.ElementTree as xml
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RUNGS = ["reference", "cpu", "emulator", "cuda"]
LEGEND = """\
- **pass**: the tests of the row ran on this rung in this run, and passed; **fail**: one of them did not.
- **partial**: they passed, and the note says what of the system they leave out.
- **unsupported**: the rung refuses what the row needs (`test/e2e/gaps.py`); **not run**: no test of the row ran on it.
- Rungs: `reference` is the fp64 interpreter, `cpu` the generated code on this machine, `emulator` generated PTX run on the
  CPU, `cuda` a GPU. All of them are compared with a NumPy oracle that each system has of its own (`test/systems`).
- `ratio` is the speed against our dense kernel on the same shape on the CPU, `bound` what the tiles that it visits allow.
"""


class Case:
    """One test that speaks for a row and a rung."""

    def __init__(self, element, suite):
        values = [(p.get("name"), p.get("value")) for p in element.iter("property")]
        self.system, self.rung, self.partial = (dict(values).get(name) for name in ("system", "rung", "partial"))
        skipped = element.find("skipped")
        failed = element.find("failure") is not None or element.find("error") is not None
        gap = skipped is not None and (skipped.get("message") or "").startswith("gap of")
        self.outcome = "fail" if failed else "unsupported" if gap else "not run" if skipped is not None else "pass"
        self.reason = skipped.get("message") if gap else self.partial
        self.suite = suite


def suite_facts(suite):
    """Date and commit of a run."""
    properties = suite.find("properties")
    commits = [p.get("value") for p in properties if p.get("name") == "commit"] if properties is not None else []
    return {"date": (suite.get("timestamp") or "unknown")[:10], "commit": commits[0] if commits else "unknown"}


def read_results(paths):
    cases, suites = [], []
    for path in paths:
        for suite in xml.parse(path).getroot().iter("testsuite"):
            suites.append(suite_facts(suite))
            cases += [Case(element, suites[-1]) for element in suite.iter("testcase")]
    return [case for case in cases if case.system], suites


def status(cases):
    """What the tests of one row say of one rung."""
    outcomes = {case.outcome for case in cases} - {"not run"}
    if not outcomes:
        return "not run"
    if "fail" in outcomes:
        return "fail"
    if outcomes == {"unsupported"}:
        return "unsupported"
    return "partial" if "unsupported" in outcomes or any(case.reason for case in cases) else "pass"


def note(cases):
    ran = [case for case in cases if case.outcome != "not run"]
    lines = list(dict.fromkeys(case.reason for case in ran if case.reason))
    cuda = dict.fromkeys(f"cuda: {c.suite['date']}, {c.suite['commit']}" for c in ran if c.rung == "cuda")
    missing = ["without " + "; ".join(lines)] if lines else []
    return "; ".join(missing + list(cuda))


def read_systems():
    header, *rows = [line.split("\t") for line in (ROOT / "test/systems/systems.tsv").read_text().splitlines()]
    return [dict(zip(header, row)) for row in rows]


def table(systems, cases, ratios):
    """The rows of docs/systems.json."""
    unknown = {case.system for case in cases} | {entry["slug"] for entry in ratios}
    unknown -= {system["slug"] for system in systems}
    if unknown:
        raise SystemExit(f"systems-report: not a row of the table: {', '.join(sorted(unknown))}")
    measured = {entry["slug"]: entry for entry in ratios}
    rows = []
    for system in systems:
        own = [case for case in cases if case.system == system["slug"]]
        rungs = {rung: status([case for case in own if case.rung == rung]) for rung in RUNGS}
        entry = measured.get(system["slug"], {})
        rows.append({"id": int(system["id"]), "slug": system["slug"], "title": system["title"], **rungs,
                     "ratio": entry.get("ratio"), "bound": entry.get("bound"), "paper": system["paper"], "note": note(own)})
    return rows


def number(value):
    return "" if value is None else f"{value:.2f}"


def title(row):
    """With a link to the page of the pattern, if there is one."""
    page = ROOT / f"docs/patterns/{row['slug']}.md"
    return f"[{row['title']}](patterns/{row['slug']}.md)" if page.exists() else row["title"]


def markdown(rows, suites, ratios):
    done = sum(row["cpu"] in ("pass", "partial") for row in rows)
    runs = ", ".join(dict.fromkeys(f"{suite['date']} at commit {suite['commit']}" for suite in suites))
    lines = ["# Published systems", "",
             f"What attn can run of {len(rows)} published attention systems: {done} of them on the CPU, in whole or in part.",
             f"Written by `tools/systems-report.py` from a test run of {runs}.", "", LEGEND,
             "| id | system | reference | cpu | emulator | cuda | ratio | bound | paper | note |",
             "|---|---|---|---|---|---|---|---|---|---|"]
    for row in rows:
        cells = [row["id"], title(row), *(row[rung] for rung in RUNGS), number(row["ratio"]), number(row["bound"]),
                 row["paper"], row["note"]]
        lines.append("| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |")
    if ratios:
        lines += ["", "Ratios:", ""]
        lines += [f"- {entry['slug']}: `{entry['command']}`, {entry['date']}" for entry in ratios]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", nargs="+", help="JUnit files of test runs")
    parser.add_argument("--ratios", help="JSON list of {slug, ratio, bound, command, date}")
    parser.add_argument("--out", default=ROOT / "docs", type=Path, help="folder of systems.json and systems.md")
    arguments = parser.parse_args()
    ratios = json.loads(Path(arguments.ratios).read_text()) if arguments.ratios else []
    cases, suites = read_results(arguments.results)
    rows = table(read_systems(), cases, ratios)
    lines = ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in rows)
    (arguments.out / "systems.json").write_text(f"[\n{lines}\n]\n")
    (arguments.out / "systems.md").write_text(markdown(rows, suites, ratios))


if __name__ == "__main__":
    sys.exit(main())
