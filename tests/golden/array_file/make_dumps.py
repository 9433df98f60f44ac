"""Writes what dump.h5 holds (make_foreign.py) as other programs dump it: dump.npz under torchreid's names, dump.mat as
pytorch_result.mat, dump_4.mat in MATLAB's oldest format, dump_folder/NAME.npy; and kinds.npz, one array of each kind.

Run with numpy (2.4) and scipy (1.17) once; the files are kept beside this script:  python make_dumps.py
"""

import os

import numpy as np
import scipy.io

os.chdir(os.path.dirname(os.path.abspath(__file__)))
query = np.array([[0, 0.5], [2, -1], [4, 4]]), np.array([0, 1, 2]), np.array([0, 1, 0])
gallery = np.array([[0, 1], [2, 2], [0.25, 0], [4, 5], [2, -1]]), np.array([1, 0, 0, 2, -1]), np.array([0, 1, 1, 1, 0])

np.savez_compressed("dump.npz",
                    qf=query[0].astype("<f4"), q_pids=query[1].astype("<i4"), q_camids=query[2].astype("<u1"),
                    gf=gallery[0].astype(">f8"), g_pids=gallery[1].astype("<i2"), g_camids=gallery[2])

result = {"query_f": query[0].astype("<f4"), "query_label": query[1], "query_cam": query[2],
          "gallery_f": gallery[0].astype("<f4"), "gallery_label": gallery[1], "gallery_cam": gallery[2]}
scipy.io.savemat("dump.mat", result, do_compression=True)
# As MATLAB's own programs have them: numbers are float64 unless somebody says otherwise, lists are columns.
scipy.io.savemat("dump_4.mat", {name: value.astype(np.float64) for name, value in result.items()}, format="4",
                 oned_as="column")

os.makedirs("dump_folder", exist_ok=True)
for side, (features, identities, cameras) in (("query", query), ("gallery", gallery)):
    np.save(f"dump_folder/{side}_features.npy", np.asfortranarray(features.astype("<f2")))
    np.save(f"dump_folder/{side}_identities.npy", identities.astype(">i4").reshape(-1, 1))
    np.save(f"dump_folder/{side}_cameras.npy", cameras.astype(np.float64))

kinds = {kind[1:] + ("_big_endian" if kind[0] == ">" else ""): np.arange(6).astype(kind)
         for order in "<>" for kind in (order + t for t in ("f2", "f4", "f8", "i2", "i4", "i8", "u2", "u4", "u8"))}
kinds |= {"i1": np.arange(6).astype("i1"), "u1": np.arange(6).astype("u1")}
halves = np.array([0, -0.0, 6e-8, -6.1e-5, 1, 65504, np.inf, -np.inf, np.nan, 0.1], dtype="<f2")
kinds |= {"halves": halves, "halves_as_doubles": halves.astype("<f8")}
kinds |= {"by_columns": np.asfortranarray(np.arange(6 * 70, dtype="<f4").reshape(6, 70)), "empty": np.zeros((0, 4), "<f4")}
kinds |= {"row": np.arange(6).reshape(1, 6), "cube": np.zeros((2, 1, 3), "<f4"), "scalar": np.float32(1)}
kinds |= {"halved": np.array([1.0, 2.5]), "huge": np.array([1.0, 2.0 ** 60])}
kinds |= {"text": np.array(["a", "bc"]), "truth": np.array([True, False]), "complex": np.array([1j]),
          "records": np.zeros(2, dtype=[("a", "<i4")]), "objects": np.array([{}, None], dtype=object)}
np.savez("kinds.npz", **kinds)
