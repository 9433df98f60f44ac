"""An evaluation of a method of one's own: features, exact scores of them, and one line a query (docs/formats/result.md)."""

import csv
import io
from typing import Any

import numpy

from ._job import Job
from .errors import InputError
from .evaluation import Scores, rank
from .method import Method
from .packs import Pack

_BATCH = 64
_RANKS = (1, 5, 10, 20)


class _Side:
    """Queries or gallery images of a split. Cameras mean nothing where the split has none for LR images."""

    def __init__(self, items: list[dict[str, Any]], with_cameras: bool):
        self.items = items
        self.identities = numpy.array([item["identity"] for item in items], numpy.int64)
        self.cameras = numpy.array([item["camera"] for item in items], numpy.int64) if with_cameras else None
        self.features = numpy.zeros((len(items), 0), numpy.float32)

    def embed(self, job: Job, method: Method, pack: Pack, rates: list[int]) -> None:
        import torch

        found = []
        for begin in range(0, len(rates), _BATCH):
            shown = rates[begin:begin + _BATCH]
            images = pack.inputs([item["row"] for item in self.items[begin:begin + _BATCH]], shown)
            with torch.no_grad():
                features = method.embed(torch.from_numpy(images), torch.tensor(shown))
            found.append(features.detach().float().cpu().numpy())
            job.say({"evaluating": {"done": begin + len(shown), "total": len(rates)}})
            if job.should_stop():
                job.stop(f"after {begin + len(shown)} of {len(rates)} images")
        self.features = numpy.ascontiguousarray(numpy.concatenate(found))


def _features_file(sides: dict[str, _Side]) -> bytes:
    import h5py

    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        for name, side in sides.items():
            file[f"{name}/features"], file[f"{name}/identities"] = side.features, side.identities
            if side.cameras is not None:
                file[f"{name}/cameras"] = side.cameras
    return data.getvalue()


def _rank(query: _Side, gallery: _Side, shown: Any, protocol: dict[str, Any], threads: int) -> Scores:
    """By the gallery images whose indices are `shown`."""
    neighbours = [protocol.get(f"re_ranking_{name}", usual) for name, usual in (("k1", 20), ("k2", 6), ("lambda", 0.3))]
    return rank(query.features, gallery.features[shown], query.identities, gallery.identities[shown], query.cameras,
                None if gallery.cameras is None else gallery.cameras[shown], max_rank=max(_RANKS), threads=threads,
                distance="cosine" if protocol["distance"] == "cosine" else "euclidean",
                rerank=neighbours if protocol.get("re_ranking") else None)


def _chance(query: _Side, gallery: _Side, shown: Any) -> Any:
    """How often a random order shows a match first, for each query that has one."""
    same = query.identities[:, None] == gallery.identities[shown]
    out = same & (query.cameras[:, None] == gallery.cameras[shown]) if query.cameras is not None and gallery.cameras is not None \
        else numpy.zeros_like(same)
    right = (same & ~out).sum(1)
    return (right / numpy.maximum(1, (~out).sum(1)))[right > 0]


def _queries_file(query: _Side, full: Scores, shares: dict[str, Any]) -> bytes:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["path", "identity", "camera", "rate", "has_match", *shares, "average_precision"])
    for number, item in enumerate(query.items):
        scores = [share[number] for share in shares.values()] + [full.average_precisions[number]]
        rows.writerow([item["path"], item["identity"], item["camera"], item["rate"], int(full.ranks[number] > 0),
                       *[repr(float(score)).removesuffix(".0") for score in scores]])
    return text.getvalue().encode()


def _measured(query: _Side, gallery: _Side, galleries: list[Any], protocol: dict[str, Any], threads: int) -> tuple[dict[str, float], bytes]:
    """Metrics by name, and the bytes of queries.csv."""
    full = _rank(query, gallery, slice(None), protocol, threads)
    # One a gallery and query: the rank of the first match, 0 without one.
    ranks = numpy.array([_rank(query, gallery, shown, protocol, threads).ranks for shown in galleries] or [full.ranks])
    matched = ranks > 0
    if not matched.any():
        raise InputError("there is nothing to score: no query has a match in a gallery "
                         "(an image of the query's identity from another camera is one)")
    within = {f"rank{k}": matched & (ranks <= k) for k in _RANKS}
    metrics = {name: float(hits.sum() / matched.sum()) for name, hits in within.items()}
    chance = numpy.concatenate([_chance(query, gallery, shown) for shown in galleries or [slice(None)]])
    metrics |= {"mAP": full.mAP, "map_full": full.mAP, "mINP": full.mINP, "chance_mAP": full.chance_mAP, "queries": float(full.queries),
                "map_single": float((1 / ranks[matched]).mean()), "chance_rank1": float(chance.mean())}
    shares = {name: hits.sum(0) / numpy.maximum(1, matched.sum(0)) for name, hits in within.items()}
    return metrics, _queries_file(query, full, shares)


def evaluate(job: Job, method: Method, numeric_class: str) -> None:
    import torch
    from safetensors.torch import load

    specification, protocol = job.specification, job.specification["protocol"]
    for name in ("flip", "query_expansion"):
        if protocol.get(name):
            raise InputError(f"evaluate.{name} is asked for (this worker does not do it)")
    training, weights = job.result_of_training()
    pack = job.pack()
    trained_on = pack.split(**specification["split"])
    method.module = method.network(trained_on.manifest["train_identities"])
    method.module.load_state_dict(load(weights))
    method.module.eval()
    asked = {"query_rates": protocol["query_rates"]} if protocol["query_rates"] else {}
    split = pack.split(**{**specification["split"], **asked})
    query, gallery = (_Side(split.manifest[side], specification["split"]["lr_camera"] != 0) for side in ("query", "gallery"))
    query.embed(job, method, pack, [item["rate"] for item in query.items])
    gallery.embed(job, method, pack, [protocol["gallery_rate"]] * len(gallery.items))
    galleries = []
    if protocol["name"] != "whole-gallery":
        galleries = split.gallery_draws(protocol["draws"], protocol.get("shots", 5) if protocol["name"] == "multi-shot" else 1)
    metrics, queries = _measured(query, gallery, galleries, protocol, torch.get_num_threads())
    provenance = {"pack_sha256": pack.pack_sha256, "split_sha256": training["provenance"]["split_sha256"],
                  "numeric_class": numeric_class, "training": specification["training"]}
    job.publish({"features_sha256": job.write("features.h5", _features_file({"query": query, "gallery": gallery})), "metrics": metrics,
                 "outputs": {"queries.csv": job.write("queries.csv", queries)}, "provenance": provenance,
                 "weights_sha256": training["weights_sha256"]})
