"""Bytes between machines of one step's gradients (baseline, ResNet-50), counted, beside a ring's: of P bytes on N machines at
least 2·P·(N - 1)/N have to leave each. In two levels, which ranks take where machines are nodes of the tree of lanes, and straight
between all ranks. `internode_bytes_vs_ring` is the worst of the first. With --times a table of milliseconds by a model of links
instead: what is sent over a link by its rate, one link after another, and a time for each exchange.

Usage: exchange.py BENCH_EXCHANGE [--json | --times]
"""

import argparse
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from figures import figure, show  # noqa: E402

BAR = 1 / 1.05
SHAPES = [(2, 4), (2, 8), (8, 8)]  # machines, ranks of each

# GB/s in one direction, as links are sold: of a rank within its machine (NVLink of an H100), and of a machine's network cards, one a
# rank or one for all.
WITHIN = 450.0
BETWEEN = [("400 Gb/s a rank", 50.0, True), ("100 Gb/s a rank", 12.5, True), ("100 Gb/s a machine", 12.5, False)]
# ms of an exchange before its bytes: its start and the wait for its end, and what each peer adds. Assumed.
CALL, PEER = 0.04, 0.002


def counted(program, machines, ranks, *ways):
    command = [program, "--machines", str(machines), "--ranks", str(ranks), *ways]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def ring(count, machines):
    return 2 * count["parameters"] * (machines - 1) / machines


def bytes_between(counts):
    def row(name, machines, count, bar):
        ours, peer = count["out_of_the_machine"] / 2**20, ring(count, machines) / 2**20
        return figure(name, ours, peer, "MiB", peer / ours, bar)

    levels = [row(f"two_levels_{machines}x{ranks}", machines, two, None) for (machines, ranks), two, _ in counts]
    worst = min(levels, key=lambda item: item["ratio"])
    straight = [row(f"straight_{machines}x{ranks}", machines, one, None) for (machines, ranks), _, one in counts]
    return [{**worst, "name": "internode_bytes_vs_ring", "bar": BAR}, *levels, *straight]


def milliseconds(count, rate, cards, peers):
    return (count["within_of_a_rank"] / WITHIN + count["out_of_the_machine"] / (rate * cards)) / 1e6 + count["exchanges"] * (
        CALL + PEER * peers)


def times(counts):
    print("| machines × ranks | " + " | ".join(name for name, _, _ in BETWEEN) + " | exchanges |")
    print("| --- |" + " --- |" * (len(BETWEEN) + 1))
    for (machines, ranks), two, one in counts:
        # In two levels half of the exchanges are within the machine, half between.
        for way, count, peers in (("straight", one, machines * ranks - 1), ("two levels", two, (machines + ranks) / 2 - 1)):
            cells = [f"{milliseconds(count, rate, ranks if each else 1, peers):.1f}" for _, rate, each in BETWEEN]
            print(f"| {machines} × {ranks}, {way} | " + " | ".join(cells) + f" | {count['exchanges']} |")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--times", action="store_true")
    options = parser.parse_args()
    counts = [(shape, counted(options.program, *shape), counted(options.program, *shape, "--straight")) for shape in SHAPES]
    if options.times:
        times(counts)
    else:
        show(bytes_between(counts), options.json)


if __name__ == "__main__":
    main()
