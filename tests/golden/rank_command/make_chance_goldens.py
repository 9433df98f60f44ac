#!/usr/bin/env python3
"""Makes chance.json: the chance mAP of the 200 cases of ../ranking/ranking.json, the one figure which they lack.

As plain as possible: every way in which a gallery can be ordered at random is written down and scored, in fractions.
Run it again after those cases change: /usr/bin/python3 tests/golden/rank_command/make_chance_goldens.py
"""
import fractions
import functools
import itertools
import json
import pathlib


@functools.lru_cache(maxsize=None)
def mean_precision_of_all_orders(right, images):
    """Mean average precision over every choice of `right` positions among 1…`images`."""
    total, orders = fractions.Fraction(0), 0
    for hits in itertools.combinations(range(1, images + 1), right):
        total += sum(fractions.Fraction(number, position) for number, position in enumerate(hits, start=1)) / right
        orders += 1
    return total / orders


def chance_map(query, gallery):
    chances = []
    for q, identity in enumerate(query["identities"]):
        right = wrong = 0
        for g, other in enumerate(gallery["identities"]):
            if other == -1:
                continue
            if other != identity:
                wrong += 1
            elif not query["cameras"] or not gallery["cameras"] or query["cameras"][q] != gallery["cameras"][g]:
                right += 1
        if right:
            chances.append(mean_precision_of_all_orders(right, right + wrong))
    return float(sum(chances) / len(chances)) if chances else 0.0


def main():
    here = pathlib.Path(__file__).parent
    cases = json.loads((here.parent / "ranking" / "ranking.json").read_text())["cases"]
    rows = [json.dumps({"seed": case["seed"], "chance_map": chance_map(case["query"], case["gallery"])})
            for case in cases]
    (here / "chance.json").write_text('{"cases":[\n%s\n]}\n' % ",\n".join(rows))


if __name__ == "__main__":
    main()
