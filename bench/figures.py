"""Figures of a benchmark: one line each, or one JSON document. `ratio` over 1 is better than the peer (or the limit)."""

import json
import sys


def figure(name, ours, peer, unit, ratio, bar):
    return {"name": name, "ours": ours, "peer": peer, "unit": unit, "ratio": ratio, "bar": bar}


def add_smoke(parser):
    """An option of every area: tests/script/bench_test.py runs it."""
    parser.add_argument("--smoke", action="store_true", help="the smallest size, one turn; what the figures say means nothing")


def chosen(given, parts):
    """The parts that are named, between commas."""
    names = given.split(",")
    if unknown := [name for name in names if name not in parts]:
        sys.exit(f"bench: unknown part '{unknown[0]}'; give some of: {', '.join(parts)}")
    return names


def show(figures, as_json):
    if as_json:
        json.dump({"figures": figures}, sys.stdout, indent=1)
        print()
        return
    print(f"{'name':28} {'ours':>12} {'peer':>12} {'unit':10} {'ratio':>8} {'bar':>6}")
    for item in figures:
        missed = "" if item["bar"] is None or item["ratio"] >= item["bar"] else "  missed"
        bar = "-" if item["bar"] is None else f"{item['bar']:.2f}"
        print(f"{item['name']:28} {item['ours']:12.4g} {item['peer']:12.4g} {item['unit']:10} {item['ratio']:8.2f} {bar:>6}{missed}")
