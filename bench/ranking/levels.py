"""Evaluation by levels of resolution beside evaluation by one: queries in four groups, each compared by its own number of
dimensions, beside one group by the mean number (3,368 x 4,000 x 2,048); images in four groups, each through a network of its
level, beside one (256 images, ResNet-50, 256x128, bf16); what prefixes.csv takes beside a tenth of embedding the same queries and
gallery at 64x32. Both sides in turn in one run, medians: on one thread in seconds of the processor, which other work on the
machine changes little, on all cores in seconds that pass.

Usage: levels.py BENCH_RANKING_LEVELS [--json] [--turns N] [--smoke]
"""

import argparse
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from figures import add_smoke, figure, show  # noqa: E402
from turns import Player, alternate  # noqa: E402

BAR = 1 / 1.1  # no slower than 1.1 times one group
IMAGES, EMBEDDED = 3368 + 4000, 256  # of the evaluation; of one turn


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--turns", type=int, default=9)
    add_smoke(parser)
    options = parser.parse_args()
    sizes, embedded = [], EMBEDDED
    if options.smoke:
        options.turns, embedded = 1, 4
        sizes = ["--queries", "60", "--gallery", "80", "--dimension", "64", "--images", "4", "--height", "64", "--width", "32"]

    def beside(ours, peer, threads=1, key="cpu_seconds"):
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
        return alternate(*(Player(" ".join(work), [[options.program, *work, *sizes, "--threads", str(threads)]], environment, key)
                           for work in (ours, peer)), options.turns)[:2]

    def by_groups(name, work, unit, **setting):
        ours, peer = beside(["--work", work, "--groups", "4"], ["--work", work, "--groups", "1"], **setting)
        return figure(name, ours, peer, unit, peer / ours, BAR)

    figures = [by_groups("ranking_one_thread", "rank", "CPU s"),
               by_groups("ranking_all_cores", "rank", "s", threads=len(os.sched_getaffinity(0)), key="seconds"),
               by_groups("embedding_one_thread", "embed", "CPU s")]
    ours, embedding = beside(["--work", "prefixes"],
                             ["--work", "embed", "--groups", "1", "--images", str(embedded), "--height", "64", "--width", "32"])
    peer = embedding * IMAGES / embedded / 10
    figures.append(figure("prefixes_vs_tenth", ours, peer, "CPU s", peer / ours, 1.0))
    show(figures, options.json)


if __name__ == "__main__":
    main()
