"""docs/read_pack.py reads of a pack what `resolute` put into it: pixels, identities, cameras."""
import base64
import importlib.util
import io
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import numpy
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[2]
READER = ROOT / "docs/read_pack.py"
PROGRAM = sys.argv.pop()

specification = importlib.util.spec_from_file_location("read_pack", READER)
read_pack = importlib.util.module_from_spec(specification)
sys.dont_write_bytecode = True
specification.loader.exec_module(read_pack)


def resolute(*words):
    answer = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=300)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def shrunk(image, height, width):
    """Pillow's own: its bytes are what a pack's resampler promises."""
    return numpy.asarray(image.resize((width, height), Image.BILINEAR))


def pictures_of(page):
    """The pictures in a page of `data show`."""
    return [numpy.asarray(Image.open(io.BytesIO(base64.b64decode(text))).convert("RGB"))
            for text in re.findall(r'"data:image/png;base64,([^"]*)"', page.read_text())]


class ReadPack(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        folder = pathlib.Path(cls.scratch.name)
        cls.raw, cls.store = folder / "raw", folder / "store"
        resolute("data", "synth", "--out", cls.raw, "--identities", 6, "--height", 70, "--width", 33,
                 "--images-per-camera", 2)

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def pack(self, *options, source="market1501", root=None):
        said = resolute("data", "ingest", source, "--root", root or self.raw, "--store", self.store, "--height", 160,
                        "--width", 80, "--rates", "2,3", "--shards", 3, *options)
        return pathlib.Path(re.match(r"(.*): \d+ images", said).group(1)), re.search(r"pack ([0-9a-f]{64})", said).group(1)

    def check_against_the_raw_images(self, folder, native):
        for row in read_pack.Pack(folder):
            raw = Image.open(self.raw / row["path"]).convert("RGB")
            hr = shrunk(raw, 160, 80)
            numpy.testing.assert_array_equal(row["hr"], hr)
            self.assertEqual(set(row["lr"]), {2, 3})
            for rate in (2, 3):
                numpy.testing.assert_array_equal(row["lr"][rate], shrunk(Image.fromarray(hr), 160 // rate, 80 // rate))
                of = raw if native else Image.fromarray(hr)
                numpy.testing.assert_array_equal(row["view"][rate],
                                                 shrunk(of, of.height // rate, of.width // rate))

    def test_pixels_are_those_of_the_raw_images(self):
        self.check_against_the_raw_images(self.pack()[0], native=True)

    def test_schema_2_is_read_as_well(self):
        folder, _ = self.pack("--view-from", "network")
        self.assertEqual(json.loads((folder / "pack.json").read_text())["schema"], 2)
        self.check_against_the_raw_images(folder, native=False)

    def test_it_reads_what_resolute_tells_and_draws(self):
        folder, sha256 = self.pack()
        pack = read_pack.Pack(folder, check=True)
        rows = list(pack)
        self.assertEqual(pack.sha256, sha256)
        manifest = json.loads((folder / "manifest.json").read_text())["rows"]
        for member in ("path", "identity", "camera", "subset"):
            self.assertEqual([row[member] for row in rows], [row[member] for row in manifest])
        page = folder.parent.parent / "sample.html"
        told = json.loads(resolute("data", "show", folder, "--sample", len(rows), "--html", page, "--json"))
        self.assertEqual(len(rows), told["rows"])
        self.assertEqual(len({row["identity"] for row in rows}), told["identities"])
        for camera, count in told["images_per_camera"].items():
            self.assertEqual(sum(row["camera"] == int(camera) for row in rows), count)
        shown = pictures_of(page)
        for row in rows:
            for picture in (row["hr"], row["view"][2], row["view"][3]):
                self.assertTrue(any(numpy.array_equal(picture, one) for one in shown), row["path"])

    def test_images_that_came_in_low_resolution_are_their_own_view(self):
        raw = self.store.parent / "folders"
        resolute("data", "synth", "--layout", "mlr-folders", "--out", raw, "--identities", 6, "--height", 64, "--width", 32)
        folder, _ = self.pack(source="mlr-folders", root=raw)
        rows = list(read_pack.Pack(folder, check=True))
        manifest = json.loads((folder / "manifest.json").read_text())
        self.assertEqual(manifest["schema"], 2)
        self.assertEqual([row["came_at"] for row in rows], [row["rate"] for row in manifest["rows"]])
        self.assertIn(1, {row["came_at"] for row in rows})
        for row in rows:
            numpy.testing.assert_array_equal(row["hr"], shrunk(Image.open(raw / row["path"]).convert("RGB"), 160, 80))
            self.assertEqual(set(row["view"]), {2, 3} if row["came_at"] == 1 else set())

    def test_a_damaged_shard_is_noticed_where_that_is_asked_for(self):
        folder, _ = self.pack("--name", "damaged")
        shard = folder / "shard-00001.h5"
        data = bytearray(shard.read_bytes())
        data[-1] ^= 1
        shard.write_bytes(data)
        read_pack.Pack(folder)
        with self.assertRaisesRegex(ValueError, "shard-00001.h5 is not the file that was sealed"):
            read_pack.Pack(folder, check=True)

    def test_it_runs_alone_and_is_short(self):
        folder, _ = self.pack()
        said = subprocess.run(["/usr/bin/python3", READER, folder], capture_output=True, text=True, check=True).stdout
        mean = numpy.mean([row["hr"].mean() for row in read_pack.Pack(folder)])
        self.assertEqual(said, f"24 images of 6 identities, mean {mean:.2f}\n")
        self.assertLessEqual(len(READER.read_text(encoding="utf-8").splitlines()), 40)


if __name__ == "__main__":
    unittest.main()
