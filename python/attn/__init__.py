"""Attention patterns compiled ahead of time, run on NumPy arrays.

    import attn
    artifact = attn.compile("patterns/sliding_window.json", variants=["d=64,dtype=f32"])
    out, lse = attn.attend(artifact, q=q, k=k, v=v, window=128)

A thin layer over the C ABI: ``libattn_rt`` runs artifacts, ``libattn`` (only for ``compile`` and ``reference``) makes
them. Tensors are ``[batch, head, row, dim]`` with any strides, the last dimension contiguous, or ragged
``[total rows, head, dim]`` with lengths. They are checked by the runtime; nothing that is passed here can crash it.
"""

from attn._abi import AttnError, version
from attn import masks
from attn.artifact import Artifact, compile
from attn.call import Plan, attend, reference

__all__ = ["Artifact", "AttnError", "Plan", "attend", "compile", "masks", "reference", "version"]
