"""The distance over two weighted branches (results/scores/branched_distance.h: float32 in, doubles, differences) beside torch.cdist,
3,368 x 1,000 images of 2,048 dimensions a branch: both sides in turn in one run, medians. On one thread in seconds of the
processor, which other work on the machine changes little; then on all cores in seconds that pass.

Usage: distances.py BENCH_DISTANCES --python PYTHON_WITH_TORCH [--json] [--turns N]
"""

import argparse
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from figures import figure, show  # noqa: E402
from turns import Player, alternate  # noqa: E402

PEER = pathlib.Path(__file__).resolve().parents[1] / "peers" / "distances.py"
SIZES = {"queries": 3368, "gallery": 1000, "dimension": 2048}
DIFFERENCES = 2 * SIZES["queries"] * SIZES["gallery"] * SIZES["dimension"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--python", required=True)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--turns", type=int, default=9)
    options = parser.parse_args()

    def beside(threads, key, ours, peer):
        sizes = ["--threads", str(threads)] + [text for name, size in SIZES.items() for text in (f"--{name}", str(size))]
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
        return alternate(Player("distances", [[options.program, *ours, *sizes]], environment, key),
                         Player("peer", [[*peer, *sizes]], environment, key), options.turns)[:2]

    def torch(form):
        return [options.python, str(PEER), "--form", form]

    figures = []
    cores = len(os.sched_getaffinity(0))
    for threads, key, unit in [(1, "cpu_seconds", "CPU s"), (cores, "seconds", "s")]:
        for form in ["f32", "f64", "f64_differences"]:
            ours, peer = beside(threads, key, [], torch(form))
            figures.append(figure(f"{'one_thread' if threads == 1 else 'all_cores'}_vs_{form}", ours, peer, unit, peer / ours, None))
    # Differences (or products) a second: beside torch's matrix product in doubles, and beside the innermost loop alone, which
    # is as fast as subtractions and multiply-adds allow.
    for name, peer in [("vs_product_f64", torch("products")), ("share_of_inner_loop", [options.program, "--inner", "1"])]:
        ours, peer = (DIFFERENCES / seconds / 1e9 for seconds in beside(1, "cpu_seconds", [], peer))
        figures.append(figure(name, ours, peer, "G/s", ours / peer, None))
    show(figures, options.json)


if __name__ == "__main__":
    main()
