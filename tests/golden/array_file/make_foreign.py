"""Writes foreign.h5, a feature file as other programs write them, good and hostile arrays side by side, and dump.h5, one that
`resolute rank` reads, of other types than an evaluation's and numbered from 0; and
close.h5, distances that differ in float64 alone.

Run with h5py (3.x) once; the files are kept beside this script:  python make_foreign.py foreign.h5 dump.h5 close.h5
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
    for kind in ("<f2", ">f2", ">f8", "<i1", "<i2", ">i4", "<u1", "<u2", "<u4", "<u8"):
        group.create_dataset("of_" + np.dtype(kind).newbyteorder("=").name + ("_big_endian" if kind[0] == ">" else ""),
                             data=np.arange(4).astype(kind))
    odd = h5py.h5t.IEEE_F64LE.copy()  # float64 with a bias of its own
    odd.set_ebias(1000)
    h5py.h5d.create(group.id, b"odd_float64", odd, h5py.h5s.create_simple((4,)))
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

with h5py.File(sys.argv[2], "w", libver="earliest") as file:
    file["query/features"] = np.array([[0, 0.5], [2, -1], [4, 4]], dtype=np.float16)
    file["query/identities"] = np.array([0, 1, 2], dtype=np.int32)
    file["query/cameras"] = np.array([0, 1, 0], dtype=np.uint8)
    file["gallery/features"] = np.array([[0, 1], [2, 2], [0.25, 0], [4, 5], [2, -1]], dtype=">f8")
    file["gallery/identities"] = np.array([1, 0, 0, 2, -1], dtype=np.int16)
    file["gallery/cameras"] = np.array([0, 1, 1, 1, 0], dtype=np.uint32)

with h5py.File(sys.argv[3], "w", libver="earliest") as file:
    file["distance"] = np.array([[1 + 2.0 ** -40, 1]])
    file["query/identities"] = np.array([3])
    file["gallery/identities"] = np.array([4, 3])
