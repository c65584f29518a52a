"""Writes docs/bad-input.md (to standard output) from the data that the tests run: wrong specs and wrong calls, with the
exact text and exit code that they give."""

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SPECS = json.loads((ROOT / "test/dialect/spec/bad_specs.json").read_text())
CALLS = json.loads((ROOT / "test/tools/bad_calls.json").read_text())

HEAD = """\
# Bad input

What the tools say to wrong input. Every row is a test: the text on standard error and the exit code are exactly these.
Exit code 1 is input that is refused, 2 is wrong usage of the command line. A program that uses the libraries gets the
same code names (`SHAPE`, `NO_VARIANT`, ...) and texts.
"""


def document(case: dict) -> str:
    """The text of a wrong spec, on one line unless it is given as text."""
    return case["text"] if "text" in case else json.dumps(case["spec"])


def message(error: dict) -> str:
    """An error of the reader as attn-compile prints it, for a document of one line."""
    place = f" at {error['pointer']}" if error["pointer"] else " in the document"
    column = f", column {error['column']}" if "column" in error else ""
    return f"{error['code']}{place} (line 1{column}): {error['message']}\n"


def stderr(case: dict) -> str:
    return "".join(message(error) for error in case["errors"])


def code(text: str) -> str:
    """Text as code in a table; lines become lines of the cell."""
    return "<br>".join("`" + line.replace("|", "\\|") + "`" for line in text.splitlines())


def main() -> None:
    print(HEAD)
    print("## Specs\n\nGiven to `attn-compile` in one line, as in `test/dialect/spec/bad_specs.json`.\n")
    print("| What is wrong | Error | Exit code |\n|---|---|---|")
    for case in SPECS:
        print(f"| {case['case']} | {code(stderr(case))} | 1 |")
    print("\n## Calls\n\n`test/tools/test_bad_input.py` makes the files.\n")
    print("| What is wrong | Command | Error | Exit code |\n|---|---|---|---|")
    for case in CALLS:
        print(f"| {case['case']} | {code(case['command'])} | {code(case['stderr'])} | {case['exit']} |")


if __name__ == "__main__":
    main()
