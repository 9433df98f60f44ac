#!/usr/bin/env python3
"""Runs the Python lines of docs/inside/formats/lists.md on exported trials.

    read_lists.py LISTS.md FOLDER       (FOLDER/torchreid and FOLDER/fastreid are exports)

The two libraries are stood in for by the few names that the lines use. Every listed image must be there; labels count from 0.
"""
import os
import re
import sys
import types


class ImageDataset:
    def __init__(self, train, query, gallery, **kwargs):
        self.train, self.query, self.gallery = train, query, gallery


class Registry:
    def register(self):
        return lambda cls: cls


def stand_in(name, **members):
    module = types.ModuleType(name)
    vars(module).update(members)
    sys.modules[name] = module


def main(page, folder):
    data = types.SimpleNamespace(ImageDataset=ImageDataset, register_image_dataset=lambda name, cls: None)
    stand_in("torchreid", data=data)
    stand_in("fastreid")
    stand_in("fastreid.data")
    stand_in("fastreid.data.datasets", DATASET_REGISTRY=Registry())
    stand_in("fastreid.data.datasets.bases", ImageDataset=ImageDataset)
    with open(page, encoding="utf-8") as file:
        blocks = re.findall(r"```python\n(.*?)```", file.read(), re.DOTALL)
    for library, block in zip(("torchreid", "fastreid"), blocks, strict=True):
        names = {}
        exec(block, names)
        trial = names["MlrTrial"](root=os.path.join(folder, library))
        for path, _, _ in trial.train + trial.query + trial.gallery:
            assert os.path.isfile(path), path
        pids = {pid for _, pid, _ in trial.train}
        if library == "torchreid":
            assert pids == set(range(len(pids))), pids
        query = {(pid, camid) for _, pid, camid in trial.query}
        gallery = {(pid, camid) for _, pid, camid in trial.gallery}
        assert {pid for pid, _ in query} == {pid for pid, _ in gallery} and not query & gallery
        print(f"{library}: {len(trial.train)} train, {len(trial.query)} query, {len(trial.gallery)} gallery")


main(*sys.argv[1:])
