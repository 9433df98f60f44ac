"""Writes damaged.h5, a feature file in HDF5's oldest format with one byte changed: HDF5 1.10.8 crashes when it reads it.

Run with h5py (3.x) once; the file is kept beside this script:  python make_damaged.py damaged.h5
"""

import sys

import h5py
import numpy as np

generator = np.random.default_rng(0)
with h5py.File(sys.argv[1], "w", libver="earliest") as file:
    for side, images in (("query", 3), ("gallery", 5)):
        group = file.create_group(side)
        features = generator.standard_normal((images, 4)).astype(np.float32)
        group.create_dataset("features", data=features, chunks=(2, 4), compression="gzip", shuffle=True)
        group["identities"] = np.arange(images, dtype=np.int64) % 3 + 1
        group["cameras"] = (np.arange(images, dtype=np.int64) + (side == "gallery")) % 2 + 1

with open(sys.argv[1], "r+b") as file:
    file.seek(8545)  # among the names of group "gallery"
    file.write(b"\xe9")
