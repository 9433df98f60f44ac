"""Writes foreign.h5, a feature file as other programs write them, good and hostile arrays side by side.

Run with h5py (3.x) once; the file is kept beside this script:  python make_foreign.py foreign.h5
"""

import sys

import h5py
import numpy as np

values = np.arange(12, dtype=np.float32).reshape(4, 3)

with h5py.File(sys.argv[1], "w", libver="earliest") as file:
    group = file.create_group("query")
    group["contiguous"] = values
    group.create_dataset("compressed", data=values, chunks=(2, 3), compression="gzip", shuffle=True)
    group.create_dataset("big_endian", data=values.astype(">f4"))
    group.create_dataset("identities", data=np.array([5, -1, 7, 9], dtype=np.int64))
    group.create_dataset("int32", data=np.array([5, -1, 7, 9], dtype=np.int32))
    group.create_dataset("float64", data=values.astype(np.float64))
    group.create_dataset("text", data=np.array([b"a", b"bc"]))
    group.create_dataset("scalar", data=np.float32(1.0))
    group.create_dataset("huge", shape=(1 << 40, 1 << 12), dtype=np.float32, chunks=(64, 64))
    group.create_dataset("huge_contiguous", shape=(1 << 40, 1 << 12), dtype=np.float32)
    group.create_dataset("outside", shape=(4, 3), dtype=np.float32, external=[("/etc/hostname", 0, 48)])

    group["soft"] = h5py.SoftLink("/query/contiguous")
    group["linked_file"] = h5py.ExternalLink("elsewhere.h5", "/data")

with h5py.File(sys.argv[1], "a", libver="v110") as file:
    layout = h5py.VirtualLayout(shape=(4, 3), dtype=np.float32)
    layout[:] = h5py.VirtualSource("elsewhere.h5", "data", shape=(4, 3))
    file["query"].create_virtual_dataset("virtual", layout)
