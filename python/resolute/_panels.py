"""The panels of an evaluation of a method of one's own: its decoders' images, drawn as resolute-worker draws them
(docs/inside/formats/panels.md)."""

import json
import os
from ctypes import byref, c_int
from typing import Any

import numpy

from ._arrays import shown
from ._device import Device
from ._job import Job, Stopped
from ._library import Features, Recovered, call
from .errors import InputError
from .method import Method
from .packs import Pack, Split

_LARGEST_RATE = 16


def _recovered(method: Method, place: Any, pack: Pack, item: dict[str, Any]) -> dict[int, numpy.ndarray]:
    """recover() of one query: H×W×3 by scale, scales descending, as workers/evaluation/recovered_pictures.cpp."""
    import torch

    name = f"recover() of {type(method).__name__}"
    images, rates = (torch.as_tensor(given, device=place) for given in (pack.inputs([item["row"]], [item["rate"]]), [item["rate"]]))
    with torch.no_grad():
        found = method.recover(images, rates)
    if not isinstance(found, dict) or not all(type(scale) is int and 1 <= scale <= _LARGEST_RATE for scale in found):
        raise InputError(f"{name} gives {shown(found)} (it gives images by the rate whose look they have, 1 to {_LARGEST_RATE}); return "
                         "e.g. {1: images}")
    for scale, one in found.items():
        if not isinstance(one, torch.Tensor) or one.shape != images.shape:
            given = "×".join(map(str, one.shape)) if isinstance(one, torch.Tensor) else shown(one)
            raise InputError(f"{name} gives {given} at scale {scale} (for images of {'×'.join(map(str, images.shape))}); give as many, "
                             "as large")
        if not bool(torch.isfinite(one).all()):
            raise InputError(f"{name} gives numbers at scale {scale} that are not finite")
    return {scale: found[scale][0].permute(1, 2, 0).float().cpu().numpy() for scale in sorted(found, reverse=True)}


def write_panels(job: Job, method: Method, device: Device, pack: Pack, split: Split, query: numpy.ndarray,
                 gallery: numpy.ndarray) -> dict[str, str]:
    """Pictures and panels.json in the job's folder: their names with their SHA-256. query, gallery: features of the split's images,
    float32, row-major. Raises Stopped between two queries."""
    asked = json.dumps(job.specification["protocol"]).encode()
    made: list[dict[int, numpy.ndarray]] = []
    for number in json.loads(call("panels_queries", split._handle.pointer, asked)):
        item = split.manifest["query"][number]
        made.append({} if item.get("came_low") else _recovered(method, device.place, pack, item))  # such an image has no original
        if made[-1].keys() != made[0].keys():
            raise InputError(f"recover() of {type(method).__name__} gives scales {list(made[-1])} (and {list(made[0])} before); give the "
                             "same for each image")
        if job.should_stop():
            raise Stopped(f"after {len(made)} panels")
    scales = (c_int * len(made[0]))(*made[0])
    images = numpy.array([image for one in made for image in one.values()], numpy.float32)
    recovered = Recovered(images.ctypes.data, scales, len(scales))
    features = Features(query.ctypes.data, gallery.ctypes.data, query.shape[1])
    names: dict[str, str] = json.loads(call("panels_draw", pack._handle.pointer, split._handle.pointer, asked, byref(features),
                                            byref(recovered), os.fsencode(job.folder)))
    return names
