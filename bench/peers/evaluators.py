"""fast-reid's or torchreid's evaluator of a file's features, or torch's matrix product alone: modules as published, loaded without the
packages round them. It says "ready" when the features are in memory, then for each line on its standard input computes distances and
scores and prints the seconds that passed and the most memory that it had so far.

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
    sys.modules["faiss"] = types.ModuleType("faiss")  # of a distance that is not asked for
    rank = importlib.import_module("fastreid_parts.evaluation.rank")
    distances = importlib.import_module("fastreid_parts.utils.compute_dist")
    if not rank.IS_CYTHON_AVAI:
        sys.exit("bench: fast-reid's compiled evaluator is not there")
    return lambda query, gallery, *labels: rank.evaluate_rank(distances.compute_euclidean_distance(query, gallery), *labels, max_rank=50)


def torchreid():
    rank = importlib.import_module("torchreid_parts.rank")
    distances = importlib.import_module("torchreid_parts.distance")
    return lambda query, gallery, *labels: rank.evaluate_rank(
        distances.compute_distance_matrix(query, gallery).numpy(), *labels, max_rank=50)


def product():
    return lambda query, gallery, *_: torch.mm(query, gallery.t())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("evaluator", choices=["fastreid", "torchreid", "product"])
    parser.add_argument("folder")
    parser.add_argument("features")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    sys.path.insert(0, options.folder)
    torch.set_num_threads(options.threads)
    evaluate = globals()[options.evaluator]()
    with h5py.File(options.features) as file:
        query, gallery = (torch.from_numpy(file[side]["features"][:]) for side in ("query", "gallery"))
        labels = [file[side][name][:] for name in ("identities", "cameras") for side in ("query", "gallery")]
    print(json.dumps({"ready": True}), flush=True)
    for _ in sys.stdin:
        begin = time.perf_counter()
        scores = evaluate(query, gallery, *labels)
        seconds = time.perf_counter() - begin
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        # Of both evaluators the second is mAP.
        map_found = float(scores[1]) if options.evaluator == "torchreid" else None
        if options.evaluator == "fastreid":
            map_found = float(sum(scores[1]) / len(scores[1]))
        print(json.dumps({"seconds": seconds, "bytes": most, "map": map_found}), flush=True)


if __name__ == "__main__":
    main()
