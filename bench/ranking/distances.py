"""The distance over two weighted branches (results/scores/branched_distance.h: float32 in, doubles, differences) beside torch.cdist,
3,368 x 1,000 images of 2,048 dimensions a branch: both sides in turn in one run, medians. On one thread in seconds of the
processor, which other work on the machine changes little; then on all cores in seconds that pass.

Usage: distances.py BENCH_DISTANCES --python PYTHON_WITH_TORCH [--json] [--turns N] [--smoke]
"""

import argparse
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from figures import add_smoke, figure, show  # noqa: E402
from turns import Player, alternate  # noqa: E402

PEER = pathlib.Path(__file__).resolve().parents[1] / "peers" / "distances.py"
SIZES = {"queries": 3368, "gallery": 1000, "dimension": 2048}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--python", required=True)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--turns", type=int, default=9)
    add_smoke(parser)
    options = parser.parse_args()
    if options.smoke:
        options.turns = 1
        SIZES.update(queries=30, gallery=40, dimension=16)
    differences = 2 * SIZES["queries"] * SIZES["gallery"] * SIZES["dimension"]

    def beside(threads, key, ours, peer):
        sizes = ["--threads", str(threads)] + [text for name, size in SIZES.items() for text in (f"--{name}", str(size))]
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
        return alternate(Player("distances", [[options.program, *ours, *sizes]], environment, key),
                         Player("peer", [[*peer, *sizes]], environment, key), options.turns)[:2]

    def torch(form):
        return [options.python, str(PEER), "--form", form]

    figures = []
    cores = len(os.sched_getaffinity(0))
    # Torch takes longer to start than a smoke run to measure.
    ways = [(1, "cpu_seconds", "CPU s"), (cores, "seconds", "s")][:1 if options.smoke else None]
    for threads, key, unit in ways:
        for form in ["f32", "f64", "f64_differences"][:1 if options.smoke else None]:
            ours, peer = beside(threads, key, [], torch(form))
            figures.append(figure(f"{'one_thread' if threads == 1 else 'all_cores'}_vs_{form}", ours, peer, unit, peer / ours, None))
    # Differences (or products) a second: beside torch's matrix product in doubles, and beside the innermost loop alone, which
    # is as fast as subtractions and multiply-adds allow.
    peers = {"vs_product_f64": torch("products"), "share_of_inner_loop": [options.program, "--inner", "1"]}
    if options.smoke:
        del peers["vs_product_f64"]
    for name, peer in peers.items():
        ours, peer = (differences / seconds / 1e9 for seconds in beside(1, "cpu_seconds", [], peer))
        figures.append(figure(name, ours, peer, "G/s", ours / peer, None))
    show(figures, options.json)


if __name__ == "__main__":
    main()
