"""An entry point needs the operands that it reads, and no others."""

import json

import numpy as np
import pytest

from cases import inline
from product import attn

SPEC = inline("two_entries", positions="bottom_right", operands={"spans": {"shape": ["q_heads"], "dtype": "i32"}},
              phases={"plain": {"mask": "causal"}, "local": {"mask": "causal and q - k < spans[h]"}})
X = np.random.default_rng(0).normal(size=(1, 2, 9, 64)).astype(np.float32)


def test_entry_without_operands():
    pattern = attn.compile(json.dumps(SPEC))
    plain, _ = attn.attend(pattern, entry="plain", q=X, k=X, v=X)
    local, _ = attn.attend(pattern, entry="local", q=X, k=X, v=X, spans=np.array([9, 9], np.int32))
    np.testing.assert_array_equal(plain, local)
    with pytest.raises(attn.AttnError, match="operand 'spans' is missing"):
        attn.attend(pattern, entry="local", q=X, k=X, v=X)
    assert [a.name for a in pattern.arguments("plain")] == ["q", "k", "v", "out", "lse"]
    assert [a.name for a in pattern.arguments("local")][-1] == "spans"
