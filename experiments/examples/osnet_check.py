"""Holds the evaluations that osnet_worker.py left in a store against torchreid's own code, and says where both agree.

    osnet_check.py --store STORE [--json]       `resolute` and `resolute-worker` on PATH, or named by RESOLUTE and RESOLUTE_WORKER

1. The same features: CMC and mAP of `resolute rank` and of the worker's result.json beside torchreid.metrics.evaluate_rank.
2. The same weights and split: `resolute data export` for torchreid, whose data manager, transforms and engine make features and scores.
   HR images have network size in both. LR queries are enlarged: by torchreid as 8-bit images, by us in float32. The difference is
   said, and that it is nothing else: torchreid's transforms on the pack's own pixels give torchreid's bits.

Exit code 1 where what should agree does not."""

import argparse, contextlib, glob, json, os, re, subprocess, sys, tempfile

import osnet_worker

torch, torchreid, external_worker = osnet_worker.import_libraries()
import h5py, numpy
from PIL import Image

RANKS = (1, 5, 10, 20)
LISTS = f"{os.path.dirname(os.path.abspath(__file__))}/../../docs/formats/lists.md"


def run(program, *arguments):
    command = [os.environ.get(program.upper().replace("-", "_"), program), *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


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


def own_path(specification, split_file, split, network, query, gallery):
    """Part 2."""
    pack = external_worker.Pack(specification["pack"], lambda pixels: pixels)
    with tempfile.TemporaryDirectory() as scratch:
        run("resolute", "data", "export", pack.folder, "--split", split_file, "--format", "torchreid", "--out", f"{scratch}/lists")
        datasets = torchreid.data.ImageDataManager(
            root=f"{scratch}/lists", sources="mlr_trial", height=pack.size[0], width=pack.size[1], transforms=[], batch_size_train=1,
            batch_size_test=1, workers=0, use_gpu=False)
        engine = torchreid.engine.ImageSoftmaxEngine(datasets, network, None, use_gpu=False)
        images, features, extract = [], [], engine.extract_features

        def extract_and_keep(image):
            images.append(image)
            features.append(extract(image))
            return features[-1]

        engine.extract_features = extract_and_keep
        engine.set_model_mode("eval")
        loaders = datasets.test_loader["mlr_trial"]
        rank1, precision = engine._evaluate("mlr_trial", loaders["query"], loaders["gallery"])
        features = torch.cat(features).numpy()
        theirs, their_gallery = features[: len(query["features"])], features[len(query["features"]) :]
        # The pack's own pixels through torchreid's transforms: what is left then is how LR images are enlarged.
        items = split["split"]["query"]
        stored = [datasets.transform_te(Image.fromarray(pack.pixels(item["row"], item["rate"]))).unsqueeze(0) for item in items]
        with torch.no_grad():
            bits = torch.cat([network(image) for image in stored]).numpy()
        # Grey levels that our enlarged queries are off, of 255.
        levels = [255 * (osnet.deviation * (osnet_image(pack, item) - image)).abs() for item, image in zip(items, images)]
    ours = torchreids(exact_distances(query["features"], gallery["features"]), query, gallery)
    apart = numpy.linalg.norm(theirs - query["features"], axis=1) / numpy.linalg.norm(query["features"], axis=1)
    return {"rank1": float(rank1), "mAP": float(precision), "rank1_difference": float(rank1) - ours["rank1"],
            "mAP_difference": float(precision) - ours["mAP"],
            "gallery_feature_difference": float(numpy.abs(their_gallery - gallery["features"]).max()),
            "query_feature_difference_over_length": {"median": float(numpy.median(apart)), "most": float(apart.max())},
            "query_grey_levels": float(max(level.max() for level in levels)),
            "query_feature_difference_with_torchreids_resize": float(numpy.abs(theirs - bits).max())}


def osnet_image(pack, item):
    pixels = torch.from_numpy(pack.pixels(item["row"], item["rate"])).permute(2, 0, 1).unsqueeze(0).float()
    return external_worker.interpolate(osnet.normalised(pixels), pack.size, mode="bilinear")


def check(job, specification):
    global osnet
    folder = f"{options.store}/jobs/{job[:2]}/{job}"
    evaluation = osnet_worker.read_job(options.store, job, "result.json")
    training = specification["training"]
    # osnet_worker 1, torchreid VERSION, ARCHITECTURE, …, threads N
    told = evaluation["provenance"]["numeric_class"].split(", ")
    torch.set_num_threads(int(told[-1].removeprefix("threads ")))
    osnet = osnet_worker.make_osnet(torch, torchreid, told[2])
    weights_file = osnet_worker.read_job(options.store, training, "result.json")["weights_file"]
    with open(f"{options.store}/jobs/{training[:2]}/{training}/{weights_file}", "rb") as file:
        tensors = external_worker.load(file.read())
    network = osnet.network(len(tensors["classifier.bias"])).eval()
    network.load_state_dict(tensors)
    with tempfile.TemporaryDirectory() as scratch:
        split_file = run("resolute-worker", "split", "--store", options.store, "--job", job, "--out", scratch).strip()
        with open(split_file) as text:
            split = json.load(text)
        features, query, gallery = same_features(evaluation, folder, split)
        path = own_path(specification, split_file, split, network, query, gallery)
    # torchreid's curve is float32; its mAP is in doubles, as ours.
    agrees = {"scores": features["difference"] < 1e-6, "draws": features["difference_of_drawn_galleries"] < 1e-6,
              "mAP": features["difference_of_result"] < 1e-12, "gallery_features": path["gallery_feature_difference"] == 0,
              "queries_but_for_their_resize": path["query_feature_difference_with_torchreids_resize"] == 0}
    return {"evaluation": job, "network": told[2], "same_features": features, "torchreids_own_path": path, "agrees": agrees}


def described(found):
    features, path = found["same_features"], found["torchreids_own_path"]
    yield f"{found['network']}, evaluation {found['evaluation'][:12]}: {features['queries']} queries, {features['gallery']} gallery images"
    yield (f"  the same features: rank-1 {100 * features['ours']['rank1']:.2f} and mAP {100 * features['ours']['mAP']:.2f} here, "
           f"{100 * features['torchreid']['rank1']:.2f} and {100 * features['torchreid']['mAP']:.2f} by torchreid; CMC and mAP differ by "
           f"{features['difference']:.1e} at most, by {features['difference_of_float32_distances']:.1e} with its float32 distances, "
           f"over {features['draws']} drawn galleries by {features['difference_of_drawn_galleries']:.1e}")
    yield (f"  its own data path: rank-1 {100 * path['rank1']:.2f} ({100 * path['rank1_difference']:+.2f}) and mAP {100 * path['mAP']:.2f} "
           f"({100 * path['mAP_difference']:+.2f}); features of the gallery differ by {path['gallery_feature_difference']:.1e}, those of "
           f"queries by {100 * path['query_feature_difference_over_length']['median']:.1f} % of their length (median; at most "
           f"{100 * path['query_feature_difference_over_length']['most']:.1f} %), enlarged with up to "
           f"{path['query_grey_levels']:.2f} grey levels between; by its resize they differ by "
           f"{path['query_feature_difference_with_torchreids_resize']:.1e}")


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--store", required=True)
parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
options = parser.parse_args()
external_worker.options = options  # whose Pack looks for the store there
torch.use_deterministic_algorithms(True)
with open(LISTS, encoding="utf-8") as page:  # the lines that docs/formats/lists.md has for torchreid
    exec(re.search(r"```python\n(.*?)```", page.read(), re.DOTALL).group(1))
reports = []
for path in sorted(glob.glob(f"{options.store}/jobs/*/*/result.json")):
    specification = osnet_worker.read_job(options.store, path.split("/")[-2])
    if specification["kind"] == "evaluation" and osnet_worker.is_osnets(options.store, specification):
        with contextlib.redirect_stdout(sys.stderr):  # torchreid says what it does
            reports.append(check(path.split("/")[-2], specification))
if not reports:
    osnet_worker.end(f"'{options.store}' has no evaluation of osnet_worker.py; run the suite experiments/examples/osnet.toml first")
if options.json:
    print(json.dumps(reports, indent=1))
else:
    for found in reports:
        print("\n".join(described(found)))
sys.exit(0 if all(all(found["agrees"].values()) for found in reports) else 1)
