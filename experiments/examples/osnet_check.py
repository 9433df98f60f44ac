"""Holds the evaluations that osnet_worker.py left in a store against torchreid's own code, and says where both agree.

    osnet_check.py --store STORE [--json]       `resolute` and `resolute-worker` on PATH, or named by RESOLUTE and RESOLUTE_WORKER

1. The same features: CMC and mAP of `resolute rank` and of the worker's result.json beside torchreid.metrics.evaluate_rank.
2. The same weights and split: `resolute data export` for torchreid, whose data manager, transforms and engine make features and scores.

Exit code 1 where what should agree does not."""

import argparse
import contextlib
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

import h5py
import numpy
import osnet_worker
import resolute
import torch
from osnet_worker import torchreid
from safetensors.torch import load_file

BATCH = 64  # images that a worker of the package embeds at once
RANKS = (1, 5, 10, 20)
LISTS = f"{os.path.dirname(os.path.abspath(__file__))}/../../docs/inside/formats/lists.md"


def run(program, *arguments):
    command = [os.environ.get(program.upper().replace("-", "_"), program), *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def read(job, file):
    with open(f"{options.store}/jobs/{job[:2]}/{job}/{file}") as text:
        return json.load(text)


def exact_distances(query, gallery):
    return numpy.array([((row.astype("float64") - gallery) ** 2).sum(1) for row in query])


def torchreid_distances(query, gallery):
    return torchreid.metrics.compute_distance_matrix(torch.from_numpy(query), torch.from_numpy(gallery)).numpy()


def torchreids(distances, query, gallery, columns=slice(None)):
    """torchreid's CMC at RANKS, a rank behind the gallery's end left out, and mAP."""
    curve, precision = torchreid.metrics.evaluate_rank(
        distances[:, columns], query["identities"], gallery["identities"][columns], query["cameras"], gallery["cameras"][columns],
        max_rank=max(RANKS), use_cython=False)
    return {**{f"rank{k}": float(curve[k - 1]) for k in RANKS if k <= len(curve)}, "mAP": float(precision)}


def difference(ours, theirs):
    return max(abs(ours[name] - theirs[name]) for name in theirs)


def same_features(evaluation, folder, split):
    """Part 1: figures by who found them, and how far they are from one another at most."""
    with h5py.File(f"{folder}/features.h5") as file:
        query, gallery = ({name: file[side][name][:] for name in ("features", "identities", "cameras")} for side in ("query", "gallery"))
    ranked = json.loads(run("resolute", "rank", f"{folder}/features.h5", "--json"))
    ours = {**{f"rank{k}": ranked["cmc"][k - 1] for k in RANKS if k <= len(ranked["cmc"])}, "mAP": ranked["map"]}
    exact = exact_distances(query["features"], gallery["features"])
    theirs = torchreids(exact, query, gallery)
    rounded = torchreids(torchreid_distances(query["features"], gallery["features"]), query, gallery)
    paths = [item["path"] for item in split["split"]["gallery"]]
    draws = [torchreids(exact, query, gallery, [path in draw for path in paths]) for draw in map(set, split["gallery_draws"])]
    drawn = {name: sum(draw[name] for draw in draws) / len(draws) for name in draws[0] if name != "mAP"}
    return {"queries": len(query["identities"]), "gallery": len(gallery["identities"]), "ours": ours, "torchreid": theirs,
            "difference": difference(ours, theirs), "difference_of_float32_distances": difference(ours, rounded),
            "draws": len(draws), "difference_of_drawn_galleries": difference(evaluation["metrics"], drawn),
            "difference_of_result": abs(evaluation["metrics"]["mAP"] - theirs["mAP"])}, query, gallery


def own_path(evaluation, pack, split_file, network, query, gallery):
    """Part 2."""
    with tempfile.TemporaryDirectory() as scratch:
        run("resolute", "data", "export", pack.folder, "--split", split_file, "--format", "torchreid", "--out", f"{scratch}/lists")
        datasets = torchreid.data.ImageDataManager(
            root=f"{scratch}/lists", sources="mlr_trial", height=pack.height, width=pack.width, transforms=[], batch_size_train=1,
            batch_size_test=BATCH, workers=0, use_gpu=False)
        engine = torchreid.engine.ImageSoftmaxEngine(datasets, network, None, use_gpu=False)
        features, extract = [], engine.extract_features

        def extract_and_keep(image):
            features.append(extract(image))
            return features[-1]

        engine.extract_features = extract_and_keep
        engine.set_model_mode("eval")
        loaders = datasets.test_loader["mlr_trial"]
        rank1, precision = engine._evaluate("mlr_trial", loaders["query"], loaders["gallery"])
        features = torch.cat(features).numpy()
    ours = numpy.concatenate([query["features"], gallery["features"]])
    return {"rank1": float(rank1), "mAP": float(precision), "mAP_difference": float(precision) - evaluation["metrics"]["mAP"],
            "feature_difference": float(numpy.abs(features - ours).max())}


def check(job, specification):
    folder = f"{options.store}/jobs/{job[:2]}/{job}"
    evaluation, training = read(job, "result.json"), specification["training"]
    # osnet_worker 1, torchreid VERSION, ARCHITECTURE, …, threads N, and on a GPU what it is
    told = evaluation["provenance"]["numeric_class"].split(", ")
    torch.set_num_threads(int(next(part for part in told if part.startswith("threads ")).removeprefix("threads ")))
    tensors = load_file(f"{options.store}/jobs/{training[:2]}/{training}/{read(training, 'result.json')['weights_file']}")
    network = osnet_worker.Osnet(osnet_worker.Osnet.Options(told[2]), {}).network(len(tensors["classifier.bias"])).eval()
    network.load_state_dict(tensors)
    pack, = (pack for pack in map(resolute.Pack, glob.glob(f"{options.store}/packs/*/")) if pack.settings == specification["pack"])
    with tempfile.TemporaryDirectory() as scratch:
        split_file = run("resolute-worker", "split", "--store", options.store, "--job", job, "--out", scratch).strip()
        with open(split_file) as text:
            split = json.load(text)
        features, query, gallery = same_features(evaluation, folder, split)
        path = own_path(evaluation, pack, split_file, network, query, gallery)
    # torchreid's curve is float32; its mAP is in doubles, as ours, of float32 distances.
    agrees = {"scores": features["difference"] < 1e-6, "draws": features["difference_of_drawn_galleries"] < 1e-6,
              "mAP": features["difference_of_result"] < 1e-12, "features": path["feature_difference"] == 0}
    return {"evaluation": job, "network": told[2], "same_features": features, "torchreids_own_path": path, "agrees": agrees}


def described(found):
    features, path = found["same_features"], found["torchreids_own_path"]
    yield f"{found['network']}, evaluation {found['evaluation'][:12]}: {features['queries']} queries, {features['gallery']} gallery images"
    yield (f"  the same features: rank-1 {100 * features['ours']['rank1']:.2f} and mAP {100 * features['ours']['mAP']:.2f} here, "
           f"{100 * features['torchreid']['rank1']:.2f} and {100 * features['torchreid']['mAP']:.2f} by torchreid; CMC and mAP differ by "
           f"{features['difference']:.1e} at most, by {features['difference_of_float32_distances']:.1e} with its float32 distances, "
           f"over {features['draws']} drawn galleries by {features['difference_of_drawn_galleries']:.1e}")
    yield (f"  its own data path: rank-1 {100 * path['rank1']:.2f} and mAP {100 * path['mAP']:.2f} ({100 * path['mAP_difference']:+.1e}); "
           f"features differ by {path['feature_difference']:.1e}")


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--store", required=True)
parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
options = parser.parse_args()
torch.use_deterministic_algorithms(True)
with open(LISTS, encoding="utf-8") as page:  # the lines that docs/inside/formats/lists.md has for torchreid
    exec(re.search(r"```python\n(.*?)```", page.read(), re.DOTALL).group(1))
reports = []
for path in sorted(glob.glob(f"{options.store}/jobs/*/*/result.json")):
    job = path.split("/")[-2]
    specification = read(job, "spec.json")
    if specification["kind"] == "evaluation" and read(job, "result.json")["provenance"]["numeric_class"].startswith("osnet_worker "):
        with contextlib.redirect_stdout(sys.stderr):  # torchreid says what it does
            reports.append(check(job, specification))
if not reports:
    print(f"osnet_check: '{options.store}' has no evaluation of osnet_worker.py; run the suite experiments/examples/osnet.toml first",
          file=sys.stderr)
    sys.exit(2)
if options.json:
    print(json.dumps(reports, indent=1))
else:
    for found in reports:
        print("\n".join(described(found)))
sys.exit(0 if all(all(found["agrees"].values()) for found in reports) else 1)
