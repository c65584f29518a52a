"""Shared by all Python tests: where the build is (ATTN_BUILD, by default build/dev)."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def build_dir() -> Path:
    return Path(os.environ.get("ATTN_BUILD", ROOT / "build" / "dev"))
