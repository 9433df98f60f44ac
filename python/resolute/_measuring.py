"""An evaluation of a method of one's own: features, exact scores of them, and one line a query (docs/inside/formats/result.md)."""

import csv
import functools
import io
from typing import Any

import numpy

from ._decoders import Decoders
from ._device import Device
from ._hooks import features_of, module_of
from ._job import Job, Stopped
from ._panels import write_panels
from ._samples import write_sample
from ._training import _seed
from .errors import InputError
from .evaluation import QUERY_RANKS, Scores, ranked
from .method import Method
from .packs import Pack, Split

_BATCH = 64


def embedded(job: Job, method: Method, device: Device, pack: Pack, flip: bool, items: list[dict[str, Any]],
             rates: list[int]) -> numpy.ndarray:
    """Features of a pack's images, each with its row and camera, at rates: float32, row-major. Raises Stopped between two batches."""
    import torch

    def features(images: Any) -> Any:
        with torch.no_grad(), device.computing():
            # A copy: it may be a tensor that the next batch writes.
            return features_of(method, images, *given, found[-1] if found else None).detach().float().clone()

    found = list[numpy.ndarray]()
    for begin in range(0, len(rates), _BATCH):
        shown, part = rates[begin:begin + _BATCH], items[begin:begin + _BATCH]
        images = torch.from_numpy(pack.inputs([item["row"] for item in part], shown))
        given = [torch.tensor(numbers, device=device.place) for numbers in (shown, [item["camera"] for item in part])]
        images = images.to(device.place)
        # Made first: embed() may work in place.
        mirrored = images.flip(3).contiguous(memory_format=torch.channels_last) if flip else None
        _seed(begin)
        shown_features = features(images)
        if mirrored is not None:  # as workers/evaluation/image_embedding.cpp
            shown_features = (shown_features + features(mirrored)) / 2
        found.append(shown_features.cpu().numpy())
        job.say({"evaluating": {"done": begin + len(shown), "total": len(rates)}})
        if job.should_stop():
            raise Stopped(f"after {begin + len(shown)} of {len(rates)} images")
    return numpy.ascontiguousarray(numpy.concatenate(found))


class _Side:
    """Queries or gallery images of a split. Cameras mean nothing where the split has none for LR images."""

    def __init__(self, items: list[dict[str, Any]], with_cameras: bool, features: numpy.ndarray):
        self.items, self.features = items, features
        self.identities = numpy.array([item["identity"] for item in items], numpy.int64)
        self.cameras = numpy.array([item["camera"] for item in items], numpy.int64) if with_cameras else None


def _features_file(sides: dict[str, _Side]) -> bytes:
    import h5py

    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        for name, side in sides.items():
            file[f"{name}/features"], file[f"{name}/identities"] = side.features, side.identities
            if side.cameras is not None:
                file[f"{name}/cameras"] = side.cameras
    return data.getvalue()


def metrics_of(scores: Scores) -> dict[str, float]:
    chance_ranks = QUERY_RANKS[:1] if scores.protocol == "single-shot" else QUERY_RANKS  # with one image of each, the others follow
    return {**{f"rank{k}": scores.rank(k) for k in QUERY_RANKS},
            **{f"chance_rank{k}": float(chance) for k, chance in zip(chance_ranks, scores.chance_cmc)},
            "mAP": scores.mAP, "map_full": scores.mAP, "map_single": scores.map_single, "mINP": scores.mINP,
            "chance_mAP": scores.chance_mAP, "queries": float(scores.queries)}


def _queries_file(query: _Side, scores: Scores) -> bytes:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["path", "identity", "camera", "rate", "has_match", *(f"rank{k}" for k in QUERY_RANKS), "average_precision"])
    for item, rank, shares, precision in zip(query.items, scores.ranks, scores.shares, scores.average_precisions):
        rows.writerow([item["path"], item["identity"], item["camera"], item["rate"], int(rank > 0),
                       *(repr(float(number)).removesuffix(".0") for number in (*shares, precision))])
    return text.getvalue().encode()


def measure(job: Job, method: Method, device: Device, pack: Pack, split: Split,
            protocol: dict[str, Any]) -> tuple[dict[str, _Side], Scores]:
    """By method.module, in evaluation mode: both sides with their features, and their scores. Raises Stopped between two batches."""
    import torch

    settings = job.specification["split"]
    flip, with_cameras, sides = bool(protocol.get("flip")), settings["lr_camera"] != 0, split.manifest
    query, gallery = (_Side(items, with_cameras, embedded(job, method, device, pack, flip, items, rates)) for items, rates in (
        (sides["query"], [item["rate"] for item in sides["query"]]), (sides["gallery"], [protocol["gallery_rate"]] * len(sides["gallery"]))))
    device.expect_memory()
    scores = ranked(query.features, gallery.features, query.identities, gallery.identities, query.cameras, gallery.cameras, protocol,
                    seed=settings["seed"], max_rank=max(QUERY_RANKS), threads=torch.get_num_threads())
    if scores.why:
        raise InputError("there is nothing to score: no query has a match in a gallery "
                         "(an image of the query's identity from another camera is one)")
    return {"query": query, "gallery": gallery}, scores


def _check_people_apart(job: Job, pack: Pack, asked: Split) -> None:
    """Nobody who is asked for may have been trained on: as workers/jobs/evaluation_job.cpp."""
    for data in (job.training, *job.training.get("joined", {}).values()):
        trained_pack = job.pack(data["pack"])
        if pack.pack_sha256 == trained_pack.pack_sha256 or pack.is_stand_in or trained_pack.is_stand_in:
            continue
        rows, trained_rows = pack.rows, trained_pack.rows
        seen = {trained_rows[item["row"]]["source_sha256"] for item in trained_pack.split(**data["split"]).manifest["train"]}
        found = [item["path"] for side in ("query", "gallery") for item in asked.manifest[side]
                 if rows[item["row"]]["source_sha256"] in seen]
        if found:
            raise InputError(f"test images of data set '{pack.settings['name']}' were trained on: {len(found)} (the first is '{found[0]}'); "
                             f"divide its people as those of '{trained_pack.settings['name']}' are, or ask another set")


def evaluate(job: Job, method: Method, device: Device, numeric_class: str) -> None:
    from safetensors.torch import load

    specification, protocol = job.specification, job.specification["protocol"]
    training, weights = job.result_of_training()
    pack = job.pack()
    of_trial = pack.split(**specification["split"])
    _check_people_apart(job, pack, of_trial)
    trained_on = job.training_data()[1]
    _seed(job.training["seed"])  # as where it was trained
    method.module = module_of(method, trained_on.manifest["train_identities"], device.place)
    method.module.load_state_dict(load(weights))
    method.module.eval()
    asked = {"query_rates": protocol["query_rates"]} if protocol["query_rates"] else {}
    split = pack.split(**{**specification["split"], **asked})
    sides, scores = measure(job, method, device, pack, split, protocol)
    provenance = {"pack_sha256": pack.pack_sha256, "split_sha256": of_trial.sha256,
                  "numeric_class": numeric_class, "training": specification["training"]}
    metrics, outputs = metrics_of(scores), {"queries.csv": job.write("queries.csv", _queries_file(sides["query"], scores))}
    decoders = Decoders(method, device, pack)
    if protocol.get("sample_rates"):
        embed = functools.partial(embedded, job, method, device, pack, bool(protocol.get("flip")))
        more, names = write_sample(job, decoders, pack, split, embed)
        metrics, outputs = metrics | more, outputs | names
    if protocol.get("panels"):
        outputs |= write_panels(job, decoders, pack, split, sides["query"].features, sides["gallery"].features)
    job.publish({"features_sha256": job.write("features.h5", _features_file(sides)), "metrics": metrics,
                 "outputs": outputs, "provenance": provenance,
                 "weights_sha256": training["weights_sha256"]})
