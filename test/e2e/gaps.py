"""What a rung of the ladder cannot run yet, as (case name, dtype or "*"), each with its reason. These lists only shrink."""

REFERENCE = {}
CPU = {}
