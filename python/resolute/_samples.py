"""The sample of an evaluation of a method of one's own: features of test images at several rates, and what its decoders make of these
images, measured as resolute-worker measures it (docs/inside/formats/samples.md, docs/inside/formats/recovery.md)."""

import json
import os
from collections.abc import Callable
from ctypes import byref, c_void_p
from typing import Any

import numpy

from ._decoders import Decoders
from ._job import Job, Stopped
from ._library import Handle, call
from .packs import Pack, Split

_BATCH = 16  # images that pass through decoders at a time


def write_sample(job: Job, decoders: Decoders, pack: Pack, split: Split,
                 embed: Callable[[list[dict[str, Any]], list[int]], numpy.ndarray]) -> tuple[dict[str, float], dict[str, str]]:
    """samples.h5 and, of a method with decoders, recovery.csv in the job's folder: metrics, and the files' names with their SHA-256.
    embed: features of images, each with its row and camera, at rates. Raises Stopped between two batches."""
    import torch

    pointer, from_network = c_void_p(), job.training["recipe"].get("copies_from") == "network"
    call("sample_open", pack._handle.pointer, split._handle.pointer, json.dumps(job.specification["protocol"]).encode(), int(from_network),
         byref(pointer))
    sample = Handle("sample", pointer)
    images = json.loads(call("sample_images", sample.pointer))
    if not images:  # all came in low resolution
        return {}, {}
    rates = [image["rate"] for image in images]
    features = embed(images, rates)
    for begin in range(0, len(images), _BATCH):
        shown = rates[begin:begin + _BATCH]
        pictures = decoders.recovered([image["row"] for image in images[begin:begin + _BATCH]], shown)
        if not decoders.scales:
            break
        call("sample_recovered", sample.pointer, len(shown), byref(decoders.shown(pictures)), torch.get_num_threads())
        job.say({"evaluating": {"done": begin + len(shown), "total": len(images)}})
        if job.should_stop():
            raise Stopped(f"after {begin + len(shown)} of {len(images)} recovered images")
    found = json.loads(call("sample_write", sample.pointer, features.ctypes.data, features.shape[1], os.fsencode(job.folder)))
    return found["metrics"], found["outputs"]
