"""attn.schema.json: it is a schema, accepts every right document, and refuses what a schema can refuse."""

import json
import re
from pathlib import Path

import jsonschema
import pytest

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).resolve().parent
SCHEMA = json.loads((ROOT / "dialect/spec/attn.schema.json").read_text())
BAD = [case for case in json.loads((HERE / "bad_specs.json").read_text()) if "spec" in case]
GOOD = json.loads((HERE / "good_specs.json").read_text())
EXAMPLES = re.findall(r"```json\n(.*?)```", (ROOT / "docs/spec-format.md").read_text(), re.S)
PATTERNS = sorted((ROOT / "patterns").glob("*.json"))


@pytest.fixture(scope="module")
def validator():
    return jsonschema.Draft202012Validator(SCHEMA)


def test_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def keys_without_description(schema, path=""):
    """Keys of the format that neither describe themselves nor refer to something that does."""
    for key, value in schema.get("properties", {}).items():
        if value is not False and "description" not in value:
            target = SCHEMA["$defs"].get(value.get("$ref", "").rpartition("/")[2], {})
            if "description" not in target:
                yield f"{path}/{key}"
    for key, value in schema.items():
        if key in ("if", "then", "else", "allOf"):  # conditions on keys described elsewhere
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, dict):
                yield from keys_without_description(child, f"{path}/{key}")


def test_every_key_has_a_description():
    assert not list(keys_without_description(SCHEMA))


@pytest.mark.parametrize("path", PATTERNS, ids=lambda p: p.stem)
def test_shipped_patterns_are_valid(validator, path):
    document = json.loads(path.read_text())
    validator.validate(document)
    assert (path.parent / document["$schema"]).resolve() == ROOT / "dialect/spec/attn.schema.json"


@pytest.mark.parametrize("case", GOOD, ids=lambda c: c["case"])
def test_right_documents_are_valid(validator, case):
    validator.validate(case["spec"])


@pytest.mark.parametrize("members", EXAMPLES)
def test_examples_of_the_docs_are_valid(validator, members):
    validator.validate(json.loads('{"attn": 1, "name": "example",' + members + "}"))


@pytest.mark.parametrize("case", BAD, ids=lambda c: c["case"])
def test_wrong_documents(validator, case):
    """The reader refuses all of these; the schema those that are marked, and no others."""
    assert validator.is_valid(case["spec"]) != case["schema_rejects"]
