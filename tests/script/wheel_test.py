"""The wheel runs without the checkout: nothing of the machine's libraries but the C library, of which an older one would do, programs
that start, scores, a pack and batches, and MPI of the machine under mpirun. Its bytes do not depend on when it is made.

Usage: wheel_test.py [UNITTEST_ARGUMENT...]
"""

import hashlib
import re
import subprocess
import tempfile
import unittest
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OF_EVERY_SYSTEM = ("linux-vdso.so", "ld-linux", "libc.so", "libm.so", "libgcc_s.so", "libresolv.so", "libdl.so",
                   "libpthread.so", "librt.so", "libutil.so")
WITH_TORCH = ("libtorch", "libc10", "libgomp", "libcu", "libnccl", "libnv")
EMPTY = {"PATH": "/usr/bin:/bin"}
OF_MPI = ("libmpi", "libopen-", "libpmix", "mca_")
UNDER_MPIRUN = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1",
                "OMPI_MCA_hwloc_base_binding_policy": "none"}


class Wheel(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)

    def make(self, name):
        made = subprocess.run([ROOT / "script/wheel", self.folder / name, "--built"], check=True, capture_output=True, text=True)
        return Path(made.stdout.strip())

    def python(self, code):
        return subprocess.run(["/usr/bin/python3", "-c", code], check=False, capture_output=True, text=True, cwd=self.folder,
                              env={**EMPTY, "PYTHONPATH": str(self.folder / "installed")})

    def test_it_runs_by_itself(self):
        wheel = self.make("first")
        digest, name = Path(f"{wheel}.sha256").read_text().split()
        self.assertEqual((wheel.name, hashlib.sha256(wheel.read_bytes()).hexdigest()), (name, digest))
        self.assertEqual(wheel.read_bytes(), self.make("second").read_bytes())
        installed = self.folder / "installed"
        with zipfile.ZipFile(wheel) as file:
            file.extractall(installed)
            for entry in file.infolist():
                (installed / entry.filename).chmod(entry.external_attr >> 16 & 0o777)
        self.assertTrue(wheel.name.endswith("-py3-none-manylinux_2_28_x86_64.whl"), wheel.name)
        libraries = list((installed / "resolute/lib").iterdir())
        self.assertEqual([], [file.name for file in libraries if not file.name.startswith("libresolute")])
        for file in [*(installed / "resolute/bin").iterdir(), *libraries]:
            said = subprocess.run(["readelf", "-V", file], check=True, capture_output=True, text=True).stdout
            self.assertLessEqual(max((int(minor) for minor in re.findall(r"Name: GLIBC_2\.(\d+)", said)), default=0), 28, file.name)
            said = subprocess.run(["readelf", "-d", file], check=True, capture_output=True, text=True).stdout
            for library in re.findall(r"\(NEEDED\).*\[(.*)\]", said):
                ours = (installed / "resolute/lib" / library).exists()
                self.assertTrue(ours or library.startswith((*OF_EVERY_SYSTEM, *WITH_TORCH)), f"{file.name}: {library}")
        self.assertEqual([], [path for path in (installed / "resolute").rglob("*") if path.name.startswith(OF_MPI)])
        said = subprocess.run(["mpirun", "-np", "2", installed / "resolute/bin/resolute", "doctor", "--ring"],
                              check=False, capture_output=True, text=True, env={**EMPTY, **UNDER_MPIRUN})
        self.assertIn('"processes":2', said.stdout, said.stderr)
        said = subprocess.run([installed / "resolute/bin/resolute", "data", "synth", "--out", self.folder / "raw", "--identities", "6"],
                              check=False, capture_output=True, text=True, env=EMPTY)
        self.assertEqual(0, said.returncode, said.stderr)
        # Other libraries of these names are there before ours, as some Python environments have them.
        for name in ("libjpeg.so.62", "libcrypto.so.3", "libhdf5_serial.so.103", "libstdc++.so.6"):
            subprocess.run(["cc", "-shared", "-x", "c", "/dev/null", f"-Wl,-soname,{name}", "-o", self.folder / name], check=True)
        said = self.python("""
import ctypes
for name in ("libjpeg.so.62", "libcrypto.so.3", "libhdf5_serial.so.103", "libstdc++.so.6"):
    ctypes.CDLL(f"./{name}")
import numpy, resolute
draw = numpy.random.default_rng(0)
scores = resolute.rank(draw.random((5, 8)), draw.random((20, 8)), [0, 1, 2, 3, 4], list(range(5)) * 4)
pack = resolute.ingest("market1501", "raw", "store", height=64, width=32)
batch = next(pack.loader(pack.split(partition="official"), identities=2, images=2, arrays="numpy"))
print(scores.queries, len(pack) > 0, batch.hr.shape)
""")
        self.assertEqual("5 True (4, 3, 64, 32)\n", said.stdout, said.stderr)
        said = subprocess.run(["/usr/bin/python3", "-m", "resolute", "--version"], check=False, capture_output=True, text=True,
                              env={**EMPTY, "PYTHONPATH": str(installed)})
        self.assertRegex(said.stdout, r"^resolute \d", said.stderr)

    def test_wrong_arguments_are_refused(self):
        for script in ("wheel", "image"):
            for arguments in (["--fast"], ["one", "two"]):
                said = subprocess.run([ROOT / "script" / script, *arguments], check=False, capture_output=True, text=True)
                self.assertEqual(2, said.returncode)
                self.assertIn(f"usage: script/{script}", said.stderr)


if __name__ == "__main__":
    unittest.main()
