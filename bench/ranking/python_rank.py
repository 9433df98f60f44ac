"""`resolute.rank` of a file's features, which are in memory already. Says "ready", then for each line it reads ranks them once and
prints the seconds that passed and mAP.

Usage: python_rank.py PACKAGE FEATURES.h5 [--threads T]     PACKAGE: build/release/python
"""

import argparse
import json
import sys
import time

import h5py


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("package")
    parser.add_argument("features")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    sys.path.insert(0, options.package)
    import resolute

    with h5py.File(options.features) as file:
        arrays = [file[f"{side}/{name}"][:] for name in ("features", "identities", "cameras") for side in ("query", "gallery")]
    print(json.dumps({"ready": True}), flush=True)
    for _ in sys.stdin:
        begin = time.perf_counter()
        scores = resolute.rank(*arrays, threads=options.threads)
        print(json.dumps({"seconds": time.perf_counter() - begin, "map": scores.mAP}), flush=True)


if __name__ == "__main__":
    main()
