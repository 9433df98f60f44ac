"""`resolute rank`, the whole process with its file, beside the evaluators of fast-reid (compiled) and torchreid (its Python, which
is what PyPI has) with their own distances in torch, whose features are in memory already: at the sizes of Market-1501 (3,368 queries,
15,913 gallery images, 2,048 dimensions) and MSMT17 (11,659 and 82,161). Then what of the ranking is not the matrix product, how
near the product comes to the quicker of torch's and OpenBLAS's of the whole gallery at once, and a gallery of a million images. Both
sides on all cores in one run; medians of turns at the smaller size, one turn at the larger ones; torchreid is asked a thousand of MSMT17's queries, and its time is that for all.

Usage: ranking.py BIN EVALUATORS --folder SCRATCH [--json] [--turns N] [--small] [--smoke]
    --small leaves the larger sizes out. Without EVALUATORS, `resolute rank` is its own peer: what that says means nothing
"""

import argparse
import json
import os
import pathlib
import statistics
import sys
import tempfile
import time

import h5py
import numpy

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from figures import add_smoke, figure, show  # noqa: E402
from turns import Player, Side, alternate  # noqa: E402

PEER = pathlib.Path(__file__).resolve().parents[1] / "peers" / "evaluators.py"
DIMENSION = 2048
MIB = 1 << 20


def write_features(path, queries, gallery, people, cameras, dimension=DIMENSION):
    """A common part of each person and one of each image, as networks give them; of the gallery one image of six is nobody's."""
    random = numpy.random.default_rng(0)
    common = random.standard_normal((people, dimension), dtype=numpy.float32)
    with h5py.File(path, "w") as file:
        for side, rows in (("query", queries), ("gallery", gallery)):
            group = file.create_group(side)
            identities = random.integers(1, people + 1, rows)
            features = group.create_dataset("features", (rows, dimension), "f4")
            for begin in range(0, rows, 16384):
                some = identities[begin:begin + 16384]
                features[begin:begin + len(some)] = common[some - 1] + 1.5 * random.standard_normal((len(some), dimension), numpy.float32)
            if side == "gallery":
                identities[random.random(rows) < 1 / 6] = 0
            group["identities"] = identities
            group["cameras"] = random.integers(1, cameras + 1, rows)


def write_in_child(*arguments):
    """A child's peak of memory begins with that of the process that starts it: this one must stay small."""
    child = os.fork()
    if child == 0:
        write_features(*arguments)
        os._exit(0)
    if os.waitpid(child, 0)[1] != 0:
        sys.exit("bench: the features cannot be written")


def run_rank(program, path):
    """(seconds, peak bytes, figures) of a whole process and those that it waits for."""
    read, write = os.pipe()
    begin = time.perf_counter()
    child = os.posix_spawn(program, [program, "rank", str(path), "--json"], os.environ,
                           file_actions=[(os.POSIX_SPAWN_DUP2, write, 1), (os.POSIX_SPAWN_CLOSE, read)])
    os.close(write)
    with os.fdopen(read) as answer:
        found = answer.read()
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - begin
    if status != 0:
        sys.exit(f"bench: '{program} rank' ended with status {status}")
    return seconds, usage.ru_maxrss * 1024, json.loads(found)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin", type=pathlib.Path)
    parser.add_argument("evaluators")
    parser.add_argument("--folder", required=True)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--small", action="store_true")
    add_smoke(parser)
    options = parser.parse_args()
    sizes = (40, 200, 10, 3, 64) if options.smoke else (3368, 15913, 750, 6)
    if options.smoke:
        options.turns, options.small = 1, True
    threads = len(os.sched_getaffinity(0))
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    rank = str(options.bin / "resolute")

    class Whole(Side):
        """`resolute rank` as a player."""

        name = "resolute"

        def __init__(self, path):
            self.path, self.most, self.map = path, 0, None

        def turn(self):
            seconds, most, found = run_rank(rank, self.path)
            self.most, self.map = max(self.most, most), found["map"]
            return seconds

    class Peer(Player):
        def __init__(self, name, path, *more):
            super().__init__(name, [[sys.executable, str(PEER), name, options.evaluators, str(path), "--threads", str(threads), *more]],
                             environment)
            self.most, self.map = 0, None

        def read(self, process, key):
            value = super().read(process, key)
            self.most, self.map = max(self.most, self.answer.get("bytes", 0)), self.answer.get("map")
            return value

    def shortest(player):
        player.turn()
        seconds = min(player.turn() for _ in range(options.turns))
        player.close()
        return seconds

    def agree(ours, peer):
        if abs(ours.map - peer.map) > 1e-4:
            sys.exit(f"bench: mAP is {ours.map} here and {peer.map} of {peer.name}")

    figures = []
    with tempfile.TemporaryDirectory(dir=options.folder) as scratch:
        path = pathlib.Path(scratch) / "features.h5"
        write_in_child(path, *sizes)
        ours, fastreid = Whole(path), Peer("fastreid", path) if os.path.isdir(options.evaluators) else Whole(path)
        mine, theirs = alternate(ours, fastreid, options.turns)[:2]
        agree(ours, fastreid)
        figures.append(figure("market1501_vs_fastreid", mine, theirs, "s", theirs / mine, 3.0))
        figures.append(figure("memory_vs_fastreid", ours.most / MIB, fastreid.most / MIB, "MiB", fastreid.most / ours.most, 10.0))

        def from_python():
            return Player("resolute.rank", [[sys.executable, str(pathlib.Path(__file__).with_name("python_rank.py")),
                                             str(options.bin.parent / "python"), str(path), "--threads", str(threads)]],
                          {**environment, "OMP_NUM_THREADS": "1"})

        mine, whole = alternate(from_python(), Whole(path), options.turns)[:2]
        figures.append(figure("python_vs_program", mine, whole, "s", whole / mine, 0.9))
        mine, peer = alternate(from_python(), Peer("fastreid", path) if os.path.isdir(options.evaluators) else Whole(path), options.turns)[:2]
        figures.append(figure("python_vs_fastreid", mine, peer, "s", peer / mine, 3.0))

        def parts(key, *more):
            return Player(key, [[str(options.bin / "bench_rank_parts"), str(path), "--threads", str(threads), *more]],
                          {**environment, "OMP_NUM_THREADS": "1"}, key)

        rest, product = alternate(parts("rest"), parts("product"), options.turns)[:2]
        figures.append(figure("gemm_over_rest", rest, product, "s", product / rest, 4.0))
        best = min(shortest(Peer("product", path)), shortest(parts("product", "--bare")))
        figures.append(figure("gemm_vs_limit", product, best, "s", best / product, 0.85))

        if not options.small:
            write_in_child(path, 11659, 82161, 3060, 15)
            ours = Whole(path)
            mine = statistics.median(ours.turn() for _ in range(2))
            fastreid = Peer("fastreid", path)
            theirs = fastreid.turn()
            fastreid.close()
            agree(ours, fastreid)
            figures.append(figure("msmt17_vs_fastreid", mine, theirs, "s", theirs / mine, 3.0))
            figures.append(figure("msmt17_memory_vs_fastreid", ours.most / MIB, fastreid.most / MIB, "MiB", fastreid.most / ours.most, 10.0))
            # More than ten minutes for all queries; each takes as long as another.
            torchreid = Peer("torchreid", path, "--first", "1000")
            theirs = torchreid.turn() * 11659 / 1000
            torchreid.close()
            figures.append(figure("msmt17_vs_torchreid", mine, theirs, "s", theirs / mine, 5.0))
            write_in_child(path, 1000, 1000000, 50000, 15)
            million = Whole(path)
            seconds = million.turn()
            figures.append(figure("million_vs_2gb", million.most / MIB, 2e9 / MIB, "MiB", 2e9 / million.most, 1.0))
            # Its product at the speed of the limit above.
            product = best * (1000 * 1000000) / (sizes[0] * sizes[1])
            figures.append(figure("million_vs_product", seconds, product, "s", product / seconds, None))
    show(figures, options.json)


if __name__ == "__main__":
    main()
