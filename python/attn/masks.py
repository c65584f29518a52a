"""Block masks of other libraries as mask terms.

    fragment, operands = attn.masks.from_block_mask(block_mask, partial="causal")
    artifact = attn.compile({"attn": 1, "name": "mine", **fragment})
    out, lse = attn.attend(artifact, q=q, k=k, v=v, **operands)

A fragment has the keys ``positions params operands mask`` of a pattern; the arrays in ``operands`` are the run-time
values. Lists come out sorted, so that a kernel finds the next listed block by bisection. Nothing of the other library is
imported: anything with its attributes will do.
"""

from typing import Any, Dict, Optional, Tuple

Fragment = Tuple[Dict[str, Any], Dict[str, Any]]


def _array(x):
    """A NumPy array of int64, from anything array-like (tensors of a device come over)."""
    import numpy as np

    for step in ("detach", "cpu"):
        x = getattr(x, step, lambda x=x: x)()
    return np.asarray(x).astype(np.int64)


def _padded(name: str, num, indices, columns: int) -> Tuple[Dict[str, Any], Dict[str, Any]]:
    """Declarations and arrays of lists of `num[b, h, row]` blocks each, sorted, and past their end `columns`."""
    import numpy as np

    num, indices = _array(num), _array(indices)
    if num.ndim != 3 or indices.ndim != 4 or indices.shape[:3] != num.shape:
        raise ValueError(f"expected shapes [b, h, rows] and [b, h, rows, n], got {list(num.shape)} and {list(indices.shape)}")
    outside = np.arange(indices.shape[3]) >= num[..., None]
    listed = np.sort(np.where(outside, columns, indices), axis=3)
    if num.min(initial=0) < 0 or num.max(initial=0) > indices.shape[3] or (listed < 0).any() or (listed > columns).any():
        raise ValueError("a block index or a number of blocks is out of range")
    shape = [1 if num.shape[0] == 1 else "batch", 1 if num.shape[1] == 1 else "q_heads", "q_blocks"]
    declared = {
        f"{name}_num": {"shape": shape, "dtype": "i32"},
        f"{name}_indices": {"shape": [*shape, "k_blocks"], "dtype": "i32", "domain": "sorted"},
    }
    return declared, {f"{name}_num": num.astype(np.int32), f"{name}_indices": listed.astype(np.int32)}


def from_block_mask(block_mask, partial: Optional[str] = None) -> Fragment:
    """A FlexAttention ``BlockMask``: key blocks that each query block sees in full, and some that it sees in part.

    `partial` is the ``mask_mod`` in attn's expression language, for the blocks seen in part ("true": all of them); its
    coordinates count from the first row and key.
    """
    size = block_mask.BLOCK_SIZE
    q_block, k_block = (size, size) if isinstance(size, int) else size
    columns = _array(block_mask.kv_indices).shape[-1]
    declared, values = _padded("partial", block_mask.kv_num_blocks, block_mask.kv_indices, columns)
    if partial is None and values["partial_num"].any():
        raise ValueError("the block mask has blocks that are seen in part: give their mask as `partial`")
    form = f"block_mask({{0}}_num, {{0}}_indices, {q_block}, {k_block})"
    mask = f"{form.format('partial')} and ({partial})" if partial not in (None, "true") else form.format("partial")
    if getattr(block_mask, "full_kv_num_blocks", None) is not None:
        more, arrays = _padded("full", block_mask.full_kv_num_blocks, block_mask.full_kv_indices, columns)
        declared.update(more)
        values.update(arrays)
        mask = f"{mask} or {form.format('full')}"
    blocks = {"q_blocks": values["partial_num"].shape[2], "k_blocks": columns}
    fragment = {"positions": "top_left", "params": blocks, "operands": declared, "mask": mask}
    return fragment, {**values, **blocks}


def from_sparse(matrix, q_block: Optional[int] = None, k_block: Optional[int] = None, mask: Optional[str] = None) -> Fragment:
    """A CSR or BSR matrix whose stored entries are the blocks that are seen: ``indptr indices shape`` as in SciPy, or
    ``crow_indices() col_indices()`` as in PyTorch. Block sizes are those of a BSR matrix unless given. `mask` holds
    inside of the blocks."""
    import numpy as np

    if hasattr(matrix, "crow_indices"):
        rows, columns = _array(matrix.crow_indices()), _array(matrix.col_indices())
    else:
        rows, columns = _array(matrix.indptr), _array(matrix.indices)
    own = getattr(matrix, "blocksize", None)
    q_block, k_block = q_block or (own or (1, 1))[0], k_block or (own or (1, 1))[1]
    width = -(-int(matrix.shape[1]) // (own or (1, 1))[1])
    if rows.ndim != 1 or columns.ndim != 1 or not len(rows) or rows[0] != 0 or rows[-1] > len(columns) or (np.diff(rows) < 0).any():
        raise ValueError("the row offsets do not begin at 0, decrease, or pass the end of the columns")
    columns = columns[: rows[-1]]
    if len(columns) and not (0 <= columns.min() and columns.max() < width):
        raise ValueError("a column is out of range")
    # One sorted list of all blocks, numbered row by row.
    listed = np.sort(np.repeat(np.arange(len(rows) - 1), np.diff(rows)) * width + columns)
    listed = listed if len(listed) else np.array([-1])
    params = {"bounds": len(rows), "listed": len(listed), "block_columns": width}
    fragment = {
        "positions": "top_left",
        "params": params,
        "operands": {
            "rows": {"shape": ["bounds"], "dtype": "i64", "domain": "sorted"},
            "blocks": {"shape": ["listed"], "dtype": "i64", "domain": "sorted"},
        },
        "mask": f"member(q // {q_block} * block_columns + k // {k_block}, blocks, rows[q // {q_block}], "
        f"rows[q // {q_block} + 1]) and k // {k_block} < block_columns" + (f" and ({mask})" if mask else ""),
    }
    return fragment, {"rows": rows, "blocks": listed, **params}
