"""The implementations that are compared. Each makes a callable for one problem; all read the same memory."""

import functools
import json
import warnings
from pathlib import Path

import numpy as np

import attn
from attn_bench import oracle

PATTERNS = Path(__file__).resolve().parents[3] / "patterns"


class Problem:
    """Random tensors of one case: q [batch, heads, q_len, d], k and v [batch, kv_heads, kv_len, d]."""

    def __init__(self, case, dtype, d, q_len, kv_len, batch, heads, kv_heads, seed=0):
        rng = np.random.default_rng(seed)
        self.case, self.dtype, self.d = case, dtype, d
        shapes = [(batch, heads, q_len, d), (batch, kv_heads, kv_len, d), (batch, kv_heads, kv_len, d)]
        self.bits = [oracle.to_bits(rng.standard_normal(shape, np.float32), dtype) for shape in shapes]
        self.operands = case.operands(batch, heads, kv_len)
        self.mask = case.visible(self.operands, kv_len)

    def error(self, out: np.ndarray) -> float:
        """Error over the allowed one, on sampled rows."""
        return oracle.check(oracle.to_float(out), *map(oracle.to_float, self.bits), self.mask, self.dtype)


@functools.lru_cache(maxsize=None)
def _compiled(source: str, dtype: str, d: int):
    spec = json.loads(source) if source.startswith("{") else PATTERNS / f"{source}.json"
    return attn.compile(spec, variants=[f"d={d},dtype={dtype}"])


def artifact(pattern, dtype: str, d: int):
    """The artifact of a shipped pattern, given by name, or of a spec."""
    return _compiled(pattern if isinstance(pattern, str) else json.dumps(pattern), dtype, d)


def ours(problem: Problem, threads: int, compiled=None) -> "attn.Plan":
    """The plan of an attn call; `plan.run` is timed."""
    q, k, v = problem.bits
    compiled = compiled or artifact(problem.case.pattern, problem.dtype, problem.d)
    entry = {"entry": problem.case.entry} if problem.case.entry else {}
    names = {}
    for argument in compiled.arguments(*entry.values()):
        if argument.name[:2] in ("k.", "v."):
            names[argument.name] = k if argument.name[0] == "k" else v
    if not names:
        names = {"k": k, "v": v}
    return attn.Plan(compiled, q=q, **names, **problem.operands, **problem.case.params, **problem.case.sizes(k.shape[2]), threads=threads, **entry)


def torch_module(threads: int):
    """PyTorch, or None where it is not installed."""
    try:
        import torch
    except ImportError:
        return None
    warnings.filterwarnings("ignore")
    torch.set_num_threads(threads)
    torch._dynamo.config.cache_size_limit = 256
    return torch


def tensors(torch, problem: Problem):
    def tensor(x):
        return torch.from_numpy(x.view(np.int16)).view(torch.bfloat16) if x.dtype == np.uint16 else torch.from_numpy(x)

    return [tensor(x) for x in problem.bits]


def sdpa(torch, problem: Problem, is_causal: bool):
    q, k, v = tensors(torch, problem)
    grouped = q.shape[1] != k.shape[1]
    return lambda: torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=is_causal, enable_gqa=grouped)


def flex(torch, problem: Problem, is_dense: bool):
    """Compiled FlexAttention; its block mask is made here, outside of what is timed."""
    from torch.nn.attention import flex_attention as module

    q, k, v = tensors(torch, problem)
    operands = {name: torch.from_numpy(x) for name, x in problem.operands.items()}
    visible = problem.case.visible(operands, k.shape[2])
    block_mask = None
    if not is_dense:
        by_batch, by_head = (q.shape[0] if operands else None), (q.shape[1] if problem.case.by_head else None)
        block_mask = module.create_block_mask(visible, by_batch, by_head, q.shape[2], k.shape[2], device="cpu")
    torch._dynamo.reset()
    compiled = torch.compile(module.flex_attention, dynamic=False)
    grouped = q.shape[1] != k.shape[1]
    return lambda: compiled(q, k, v, block_mask=block_mask, enable_gqa=grouped)
