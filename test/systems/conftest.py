"""Tests say for which row of docs/systems.md they speak; the results file carries it to tools/systems-report.py.

    pytestmark = pytest.mark.system("moa")
    pytestmark = pytest.mark.system("scbench", partial="the life of a cache")

The rung is the test's parameter `rung`, or the marker's argument `rung`; a test with neither speaks for none. `partial` says
what the row needs and the tests do not show. The marker closest to the test counts.
"""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def claim(item):
    """What a test says as (name, value) properties."""
    marker = item.get_closest_marker("system")
    if marker is None:
        return
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    rung = parameters.get("rung", marker.kwargs.get("rung"))
    if rung:
        yield "system", marker.args[0]
        yield "rung", rung
        if marker.kwargs.get("partial"):
            yield "partial", marker.kwargs["partial"]


def pytest_collection_modifyitems(items):
    for item in items:
        item.user_properties += claim(item)


@pytest.fixture(scope="session", autouse=True)
def commit_of_the_run(record_testsuite_property):
    git = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    record_testsuite_property("commit", git.stdout.strip() or "unknown")
