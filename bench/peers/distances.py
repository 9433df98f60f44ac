"""Distances over two weighted branches with PyTorch in Python: torch.cdist of float32 features, in float32 or float64, by
matrix products (as cdist does of itself) or by differences, then the weighted mean. Or, as a measure of the machine, the
products alone. It says "ready", then for each line on its standard input computes all of them and prints the seconds that passed
and those of processors.
"""

import argparse
import json
import sys
import time

import torch

FORMS = {"f32": (torch.float32, "use_mm_for_euclid_dist_if_necessary"),
         "f64": (torch.float64, "use_mm_for_euclid_dist_if_necessary"),
         "f64_differences": (torch.float64, "donot_use_mm_for_euclid_dist")}


def distances(branches, form):
    precision, mode = FORMS[form]
    total, weights = 0, 0
    for query, gallery, query_weights, gallery_weights in branches:
        weight = torch.outer(query_weights.to(precision), gallery_weights.to(precision))
        total = torch.cdist(query.to(precision), gallery.to(precision), compute_mode=mode).mul_(weight).add_(total)
        weights = weight.add_(weights)
    return total.div_(weights)


def main():
    parser = argparse.ArgumentParser()
    for name, value in [("threads", 1), ("queries", 3368), ("gallery", 1000), ("dimension", 2048)]:
        parser.add_argument("--" + name, type=int, default=value)
    parser.add_argument("--form", default="f64", choices=[*FORMS, "products"])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    branches = [(torch.rand(options.queries, options.dimension), torch.rand(options.gallery, options.dimension),
                 torch.rand(options.queries) * 0.9 + 0.1, torch.rand(options.gallery) * 0.9 + 0.1) for _ in range(2)]
    products = [(query.double(), gallery.double().t()) for query, gallery, *_ in branches]
    print(json.dumps({"ready": True}), flush=True)
    for _ in sys.stdin:
        begin, processors = time.perf_counter(), time.process_time()
        if options.form == "products":
            for query, gallery in products:
                torch.mm(query, gallery)
        else:
            distances(branches, options.form)
        print(json.dumps({"seconds": time.perf_counter() - begin, "cpu_seconds": time.process_time() - processors}), flush=True)


if __name__ == "__main__":
    main()
