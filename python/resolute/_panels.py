"""The panels of an evaluation of a method of one's own: its decoders' images, drawn as resolute-worker draws them
(docs/inside/formats/panels.md)."""

import json
import os
from ctypes import byref

import numpy

from ._decoders import Decoders
from ._job import Job, Stopped
from ._library import Features, call
from .packs import Pack, Split


def write_panels(job: Job, decoders: Decoders, pack: Pack, split: Split, query: numpy.ndarray, gallery: numpy.ndarray) -> dict[str, str]:
    """Pictures and panels.json in the job's folder: their names with their SHA-256. query, gallery: features of the split's images,
    float32, row-major. Raises Stopped between two queries."""
    asked = json.dumps(job.specification["protocol"]).encode()
    made = []
    for number in json.loads(call("panels_queries", split._handle.pointer, asked)):
        item = split.manifest["query"][number]
        made.append(decoders.recovered([item["row"]], [item["rate"]]))
        if job.should_stop():
            raise Stopped(f"after {len(made)} panels")
    pictures = numpy.array(made)
    features = Features(query.ctypes.data, gallery.ctypes.data, query.shape[1])
    names: dict[str, str] = json.loads(call("panels_draw", pack._handle.pointer, split._handle.pointer, asked, byref(features),
                                            byref(decoders.shown(pictures)), os.fsencode(job.folder)))
    return names
