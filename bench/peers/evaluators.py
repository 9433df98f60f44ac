"""fast-reid's or torchreid's evaluator of a file's features, or torch's matrix product alone: modules as published, loaded without the
packages round them. It says "ready" when the features are in memory, then for each line on its standard input computes distances and
scores and prints the seconds that passed, the most memory that it had so far and mAP. As many queries at a time as --together says: an
evaluator holds several matrices of queries x gallery, which at MSMT17's size do not fit into 24 GiB.

Usage: evaluators.py fastreid|torchreid|product FOLDER FEATURES.h5 [--threads T]     FOLDER: script/support/reid_evaluators.sh made it
"""

import argparse
import importlib
import json
import resource
import sys
import time
import types

import h5py
import torch


def fastreid():
    faiss = types.ModuleType("faiss")  # of a distance that is not asked for
    faiss.METRIC_L2 = None
    sys.modules["faiss"] = faiss
    rank = importlib.import_module("fastreid_parts.evaluation.rank")
    distances = importlib.import_module("fastreid_parts.utils.compute_dist")
    if not rank.IS_CYTHON_AVAI:
        sys.exit("bench: fast-reid's compiled evaluator is not there")

    def evaluate(query, gallery, *labels):
        _, precisions, _ = rank.evaluate_rank(distances.compute_euclidean_distance(query, gallery), *labels, max_rank=50)
        return sum(precisions), len(precisions)

    return evaluate


def torchreid():
    rank = importlib.import_module("torchreid_parts.rank")
    distances = importlib.import_module("torchreid_parts.distance")

    def evaluate(query, gallery, identities, gallery_identities, *cameras):
        matches = len(query)  # every query has one
        _, mean = rank.evaluate_rank(distances.compute_distance_matrix(query, gallery).numpy(), identities, gallery_identities, *cameras, max_rank=50)
        return mean * matches, matches

    return evaluate


def product():
    def multiply(query, gallery, *_):
        torch.mm(query, gallery.t())
        return 0, 1

    return multiply


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("evaluator", choices=["fastreid", "torchreid", "product"])
    parser.add_argument("folder")
    parser.add_argument("features")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--together", type=int, default=4000)
    parser.add_argument("--first", type=int, help="so many queries alone")
    options = parser.parse_args()
    sys.path.insert(0, options.folder)
    torch.set_num_threads(options.threads)
    evaluate = globals()[options.evaluator]()
    with h5py.File(options.features) as file:
        query, gallery = (torch.from_numpy(file[side]["features"][:]) for side in ("query", "gallery"))
        query = query[:options.first]  # all where None
        identities, gallery_identities, cameras, gallery_cameras = (
            file[side][name][:] for name in ("identities", "cameras") for side in ("query", "gallery"))
    identities, cameras = identities[:len(query)], cameras[:len(query)]
    print(json.dumps({"ready": True}), flush=True)
    for _ in sys.stdin:
        begin = time.perf_counter()
        found = [evaluate(query[first:first + options.together], gallery, identities[first:first + options.together], gallery_identities,
                          cameras[first:first + options.together], gallery_cameras)
                 for first in range(0, len(query), options.together)]
        seconds = time.perf_counter() - begin
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        mean = float(sum(total for total, _ in found) / sum(count for _, count in found))
        print(json.dumps({"seconds": seconds, "bytes": most, "map": mean}), flush=True)


if __name__ == "__main__":
    main()
