"""Bytes between machines of one step's gradients (baseline, ResNet-50), counted, beside a ring's: of P bytes on N machines at
least 2·P·(N - 1)/N have to leave each. In two levels, which ranks take where machines are nodes of the tree of lanes, and straight
between all ranks. `internode_bytes_vs_ring` is the worst of the first. With --times a table of milliseconds by a model of links
instead: what is sent over a link by its rate, one link after another, and a time for each exchange. With --link RATE (as tc spells
it; needs root) both ways are timed over Gloo between two network namespaces, machines of four ranks, with such a link between them,
and what the link has carried is compared with a ring's.

Usage: exchange.py BENCH_EXCHANGE [--json] [--times | --link RATE] [--smoke]
"""

import argparse
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from figures import add_smoke, figure, show  # noqa: E402

BAR = 1 / 1.05
SUMMED = 32  # MiB over a link, bench_exchange's --mib
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


@contextlib.contextmanager
def two_machines(rate):
    """Names of two network namespaces with a link of this rate between them; 10.77.0.1 is the first one's address."""
    names = [f"exchange{side}-{os.getpid()}" for side in (1, 2)]

    def ip(*words):
        subprocess.run(["ip", *words], check=True)

    try:
        for name in names:
            ip("netns", "add", name)
        ip("link", "add", "wire", "netns", names[0], "type", "veth", "peer", "name", "wire", "netns", names[1])
        for side, name in enumerate(names, start=1):
            ip("-n", name, "addr", "add", f"10.77.0.{side}/24", "dev", "wire")
            ip("-n", name, "link", "set", "wire", "up")
            ip("-n", name, "link", "set", "lo", "up")
            subprocess.run(["ip", "netns", "exec", name, "tc", "qdisc", "add", "dev", "wire", "root", "tbf", "rate", rate,
                            "burst", "256kb", "latency", "50ms"], check=True)
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False)


def sent(name):
    """Bytes that have left the namespace, with all headers."""
    counter = ["ip", "netns", "exec", name, "cat", "/sys/class/net/wire/statistics/tx_bytes"]
    return int(subprocess.run(counter, check=True, capture_output=True, text=True).stdout)


def seconds(program, names, ranks, levels, port):
    """Seconds of each sum over so many ranks in each namespace. levels: the ranks take namespaces for machines."""
    started = [subprocess.Popen(["ip", "netns", "exec", name, program, "--rank", str(side * ranks + rank), "--of", str(2 * ranks),
                                 "--host", "10.77.0.1", "--port", str(port), "--machine", name if levels else "one"],
                                stdout=subprocess.PIPE, text=True)
               for side, name in enumerate(names) for rank in range(ranks)]
    printed = [process.communicate()[0] for process in started]
    if any(process.returncode for process in started):
        sys.exit("exchange.py: a rank failed")
    return [float(line) for line in printed[0].split()]


def over_a_link(program, rate, ranks=4, rounds=2):
    found, carried = {True: [], False: []}, {True: [], False: []}
    with two_machines(rate) as names:
        for turn in range(rounds):
            for levels in found:
                before = max(sent(name) for name in names)
                times = seconds(program, names, ranks, levels, 29400 + 2 * turn + levels)
                found[levels] += times
                # The first sum is not timed.
                carried[levels].append((max(sent(name) for name in names) - before) / (len(times) + 1) / 2**20)
    ours, peer = statistics.median(found[True]), statistics.median(found[False])
    figures = [figure(f"two_levels_over_{rate}", ours, peer, "s", peer / ours, None)]
    for levels, name in ((True, "two_levels_on_the_wire"), (False, "straight_on_the_wire")):
        mebibytes = statistics.median(carried[levels])
        figures.append(figure(name, mebibytes, SUMMED, "MiB", SUMMED / mebibytes, None))  # a ring of two sends what is summed
    return figures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--times", action="store_true")
    parser.add_argument("--link", metavar="RATE")
    add_smoke(parser)
    options = parser.parse_args()
    if options.link:
        show(over_a_link(options.program, options.link), options.json)
        return
    counts = [(shape, counted(options.program, *shape), counted(options.program, *shape, "--straight")) for shape in SHAPES[:1 if options.smoke else None]]
    if options.times:
        times(counts)
    else:
        show(bytes_between(counts), options.json)


if __name__ == "__main__":
    main()
