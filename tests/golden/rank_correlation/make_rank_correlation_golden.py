#!/usr/bin/env python3
"""Makes rank_correlation.json: seeded pairs of numbers with ties, and Spearman's rho of each by scipy.

Needs scipy, as 1.17: python3 tests/golden/rank_correlation/make_rank_correlation_golden.py
"""
import json
import pathlib

import numpy
from scipy import stats


def case(seed):
    random = numpy.random.default_rng(seed)
    count = int(random.integers(2, 60))
    x = random.integers(1, 2 + int(random.integers(1, 8)), count).astype(float)  # as rates: many ties
    x[0], x[1] = 1, 2  # a constant side has no rho
    y = x * random.choice([-1, 0, 1]) + random.normal(size=count) * random.choice([0.1, 1, 3])
    if seed % 3 == 0:
        y = numpy.round(y, 1)
        y[0], y[1] = 0.5, 0.25
    return {"x": x.tolist(), "y": y.tolist(), "rho": float(stats.spearmanr(x, y).statistic)}


def main():
    cases = [case(seed) for seed in range(60)]
    path = pathlib.Path(__file__).parent / "rank_correlation.json"
    path.write_text(json.dumps({"cases": cases}) + "\n")


if __name__ == "__main__":
    main()
