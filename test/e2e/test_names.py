"""A name that a pattern may choose means what the pattern says, also where the compiler has something of its own of that name."""

import pytest

from cases import Case, causal, inline
from ladder import check_random_calls, every_rung

NAMES = ["k0", "row0", "q0", "tile", "box", "group", "q_pos", "q_first", "q_last", "h_first", "h_last", "heads", "base", "next"]
every_name = pytest.mark.parametrize("name", NAMES)


@every_rung
@every_name
def test_in_masks(name, rung):
    spec = inline("names", positions="bottom_right", params={name: 9}, mask=f"k <= q and q - k < {name} * (h + 1)")
    case = Case(f"names_{name}", spec, lambda c, v: causal(c, v) & (c.q - c.k < 9 * (c.h + 1)))
    check_random_calls(case, "f32", rung, 2)


@every_rung
@every_name
def test_as_sizes_of_a_grid(name, rung):
    spec = inline("names", positions="bottom_right", params={name: 11}, grid={"axes": ["y", "x"], "sizes": [4, name]},
                  mask="abs(q.y - k.y) <= 1 and abs(q.x - k.x) <= 2")  # fmt: skip
    near = lambda c, v: (abs(c.q // 11 - c.k // 11) <= 1) & (abs(c.q % 11 - c.k % 11) <= 2)
    check_random_calls(Case(f"grid_{name}", spec, near), "f32", rung, 2)
