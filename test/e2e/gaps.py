"""What a rung of the ladder cannot run yet, as (case name, dtype or "*"), each with its reason. These lists only shrink."""

REFERENCE = {}
CPU = {}
EMULATOR = {
    ("rope_causal", "*"): "rotations at load are not emitted for GPUs yet",
    ("rope_interleaved", "*"): "rotations at load are not emitted for GPUs yet",
    ("linear_quadratic", "*"): "ordered weights are not emitted for GPUs yet",
    ("linear_chunked", "*"): "ordered weights are not emitted for GPUs yet",
}
