"""Every shipped pattern has a page that is true, a picture and a test."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

import cases

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs/patterns"
PATTERNS = sorted(path.stem for path in (ROOT / "patterns").glob("*.json"))
COMMANDS = re.compile(r"```sh\n(.*?)```", re.S)

every_pattern = pytest.mark.parametrize("name", PATTERNS)


def page(name):
    return (PAGES / f"{name}.md").read_text()


@every_pattern
def test_page_lists_the_parameters(name):
    spec, text = json.loads((ROOT / f"patterns/{name}.json").read_text()), page(name)
    assert f"![tiles]({name}.svg)" in text
    for parameter, value in spec.get("params", {}).items():
        default = value["default"] if isinstance(value, dict) else value
        assert f"| `{parameter}` | {default} |" in text
    for operand, value in spec.get("operands", {}).items():
        assert f"| `{operand}` | {value['dtype']} `[{', '.join(map(str, value['shape']))}]` |" in text
    for phase in spec.get("phases", {}):
        assert phase in text


@every_pattern
def test_doc_line_and_page_name_the_same_papers(name):
    doc = json.loads((ROOT / f"patterns/{name}.json").read_text())["doc"]
    assert set(re.findall(r"\d{4}\.\d{5}", doc)) <= set(re.findall(r"\d{4}\.\d{5}", page(name)))


@every_pattern
def test_there_is_a_test(name):
    systems = [path.read_text() for path in (ROOT / "test/systems").glob("test_*.py")]
    assert any(case.spec == name for case in cases.SHIPPED) or any(f'"{name}"' in text for text in systems)


@every_pattern
def test_there_is_a_picture(name):
    if not list(PAGES.glob("*.svg")):
        pytest.skip("no pictures yet")
    assert (PAGES / f"{name}.svg").exists()


def test_index_lists_the_pages():
    linked = re.findall(r"\]\((\w+)\.md\)", (PAGES / "README.md").read_text())
    assert sorted(linked) == PATTERNS == sorted(path.stem for path in PAGES.glob("*.md") if path.stem != "README")


@every_pattern
def test_commands_of_the_page_run(name, build_dir, tmp_path):
    """In a folder that has `patterns` in it; the last command compares with the reference."""
    (tmp_path / "patterns").symlink_to(ROOT / "patterns")
    [commands] = COMMANDS.findall(page(name))
    assert "--compare reference" in commands
    path = f"{(build_dir / 'bin').resolve()}:{os.environ['PATH']}"
    run = subprocess.run(["bash", "-e", "-c", commands], cwd=tmp_path, env={**os.environ, "PATH": path}, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "out: agrees" in run.stdout
