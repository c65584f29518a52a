"""Interleaved timing: every contender once a round, ratios formed inside a round, medians over the rounds."""

import time
from typing import Callable, Dict, List

import numpy as np


class Rounds:
    """Times of named contenders, one list entry a round."""

    def __init__(self) -> None:
        self.times: Dict[str, List[float]] = {}

    def median(self, name: str) -> float:
        """Seconds of one call."""
        return float(np.median(self.times[name]))

    def ratio(self, over: str, under: str) -> float:
        """Median over the rounds of time(over) / time(under)."""
        return float(np.median(np.divide(self.times[over], self.times[under])))


def interleave(contenders: Dict[str, Callable[[], object]], rounds: int, least: float = 2e-3, budget: float = 20.0) -> Rounds:
    """Runs every contender `rounds` times in turn, fewer (but 3) once `budget` seconds are spent. A call shorter than
    `least` seconds is repeated within its turn. The first call of each is not timed."""
    repeats = {}
    for name, call in contenders.items():
        call()
        start = time.perf_counter()
        call()
        repeats[name] = max(1, int(least / max(time.perf_counter() - start, 1e-7)))
    result = Rounds()
    begin = time.perf_counter()
    for n in range(rounds):
        if n >= 3 and time.perf_counter() - begin > budget:
            break
        for name, call in contenders.items():
            start = time.perf_counter()
            for _ in range(repeats[name]):
                call()
            result.times.setdefault(name, []).append((time.perf_counter() - start) / repeats[name])
    return result
