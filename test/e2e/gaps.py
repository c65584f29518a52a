"""What a rung of the ladder cannot run yet, as (case name, dtype or "*"), each with its reason. These lists only shrink."""

REFERENCE = {}
CPU = {}
UNBOUND = "rotated rows are rounded to 16 bits for the tensor cores: no bound of the lse is derived for that yet"
EMULATOR = {
    ("rope_causal", "*"): UNBOUND,
    ("rope_interleaved", "*"): UNBOUND,
    ("linear_quadratic", "*"): "ordered weights are not emitted for GPUs yet",
    ("linear_chunked", "*"): "ordered weights are not emitted for GPUs yet",
}
