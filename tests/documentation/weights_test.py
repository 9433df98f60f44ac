"""The Python of docs/weights.md reads what `resolute` gives away, and gets the features of an evaluation. Of the trunks one is
drawn by the commit's hash in RESOLUTE_SLICE, and one of the methods that are more than a trunk; all without.

Usage: weights_test.py RESOLUTE
"""
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/weights.md").read_text(encoding="utf-8")
PROGRAM = sys.argv.pop()
METHOD_OF_TRUNK = {"resnet50": "baseline", "resnet-small": "rain", "efficientnet-lite0": "baseline", "resnet50-ibn-a": "baseline"}
COMMIT = os.environ.get("RESOLUTE_SLICE", "")


def drawn(names):
    return [random.Random(COMMIT).choice(names)] if COMMIT else names


TRUNKS = drawn(list(METHOD_OF_TRUNK))
# Rows of methods whose graph is more than a trunk and its mean: of each what makes it so.
METHODS = {
    "cascade": ["msifla", "resnet-small"],
    "cascade-unit": ["msifla", "resnet-small", "msifla.unit_parts = true", "msifla.ir_residual = false", "msifla.scales = [3, 1]",
                     'msifla.reid_networks = "shared"'],
    "recovered": ["cadnet", "resnet-small"],
    "recovered-lite": ["cadnet", "efficientnet-lite0", 'cadnet.features = "g"'],
    "masks": ["resolution_adaptive", "resnet-small", "resolution_adaptive.level_rates = [3, 2, 1]",
              "resolution_adaptive.widths = [32, 16, 16]", 'resolution_adaptive.masks = "joint"'],
    "masks-lite": ["resolution_adaptive", "efficientnet-lite0", "resolution_adaptive.level_rates = [3, 2, 1]",
                   "resolution_adaptive.widths = [32, 16, 16]", 'resolution_adaptive.masks = "joint"'],
}
# Rows of FTWA: with neither T nor weights, whose distance is the branch hr's; without weights; with both; with weights by their
# running means.
STREAMS = {
    "streams": ["ftwa", "resnet-small", "train.images = 4", "train.lr_images = 2", "ftwa.transformation = false",
                "ftwa.weighting = false"],
    "equal": ["ftwa", "resnet-small", "train.lr_images = 1", "ftwa.weighting = false"],
    "weighted": ["ftwa", "resnet-small", "train.lr_images = 1"],
    "normalised": ["ftwa", "efficientnet-lite0", "train.lr_images = 1", 'ftwa.weight_normalisation = "running-mean"'],
}


def method_rows(rows, names):
    """The names' rows of a table, for a suite."""
    found = ""
    for name in names:
        method, trunk, *settings = rows[name]
        found += ROW.format(name, method, trunk) + "".join(f"  {setting}\n" for setting in settings)
    return found


# Networks whose sides are odd here and even there, of raw images that are none of them as large.
SUITE = """
suite = "readers"
title = "Networks for others"
[defaults]
method = "baseline"
trials = 1
height = {height}
width = {width}
rates = [2, 3]
[defaults.train]
steps = 1
identities = 2
images = 2
pad = 2
train_rates = [2, 3]
[defaults.split]
query_rates = [2, 3]
[[dataset]]
id = "people"
source = "synthetic"
identities = 8
images_per_camera = 2
image_height = 90
image_width = 40
[[table]]
id = "main"
title = "Trunks"
metrics = ["rank1"]
datasets = ["people"]
{rows}
"""

OTHER_ROWS = """  [[table.row]]
  id = "bf16"
  label = "bf16"
  backbone = "resnet-small"
  train.precision = "bf16"
"""

ROW = """  [[table.row]]
  id = "{0}"
  label = "{0}"
  method = "{1}"
  backbone = "{2}"
"""

# Pillow's images through networks, beside the features of `resolute embed`: the largest difference by the largest feature.
COMPARE = r"""
import h5py, numpy
from PIL import Image

def images_of(paths):
    pixels = [numpy.asarray(Image.open(path).convert("RGB").resize((WIDTH, HEIGHT), Image.BILINEAR)) for path in paths]
    images = (numpy.stack(pixels) / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    return images.transpose(0, 3, 1, 2).astype("float32")

def difference(features_of, features_file, images=32, side="gallery"):
    with h5py.File(features_file) as file:
        paths = [RAW + "/" + bytes(row).rstrip(b"\0").decode() for row in file[side + "/paths"]]
        expected = file[side + "/features"][:images]
    found = features_of(paths[:images])
    assert found.shape == expected.shape and len(paths) == 32, (found.shape, expected.shape)
    return abs(found - expected).max() / abs(expected).max()
"""


def reader_python():
    """The interpreter that script/test makes; None where nobody has made one."""
    home = pathlib.Path(os.environ.get("HOME") or "/root")
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "resolute"
    python = pathlib.Path(os.environ.get("RESOLUTE_CACHE") or cache) / "reader-python/python"
    return python if python.exists() else None


def resolute(*words):
    answer = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=300)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


# The distances of FTWA's rows: both branches, the gallery's LR copies shrunk by 3.
DISTANCES = r"""
import tempfile

def difference_of_sides(graphs, features_file, branches):
    with h5py.File(features_file) as file:
        query, gallery = ([RAW + "/" + bytes(row).rstrip(b"\0").decode() for row in file[side + "/paths"]] for side in ("query", "gallery"))
        expected = file["distance"][:]
    with tempfile.TemporaryDirectory() as folder:
        copies = []
        for path in gallery:
            image = Image.open(path).convert("RGB")
            copies.append(f"{folder}/{len(copies)}.png")
            image.resize((image.width // 3, image.height // 3), Image.BILINEAR).save(copies[-1])
        rows = {"query": features(graphs + "-low.onnx", query), "high": features(graphs + "-high.onnx", gallery),
                "copy": features(graphs + "-low.onnx", copies)}
    columns = rows["high"].shape[1] // 2
    assert not rows["high"][:, columns:].any()
    distances = weights = 0
    for branch, side in ((slice(0, columns), "high"), (slice(columns, None), "copy"))[:branches]:
        q, g = rows["query"][:, branch].astype("float64"), rows[side][:, branch].astype("float64")
        weight = numpy.outer(q[:, -1], g[:, -1])
        distances = distances + weight * numpy.linalg.norm(q[:, None, :-1] - g[None, :, :-1], axis=2)
        weights = weights + weight
    return numpy.abs(distances / weights - expected).max() / expected.max()
"""


def code_block(needle):
    """The only block of Python on the page in which `needle` stands."""
    (block,) = [block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if needle in block]
    return block


@unittest.skipUnless(reader_python() or os.environ.get("RESOLUTE_NEEDS_TORCH_PYTHON"),
                     "no Python that reads weights; script/test makes one")
class Trained(unittest.TestCase):
    """Rows that a suite has trained, each for a step."""
    rows, height, width = "", 70, 35

    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.scratch.name)
        cls.store = cls.folder / "store"
        suite = cls.folder / "readers.toml"
        suite.write_text(SUITE.format(rows=cls.rows, height=cls.height, width=cls.width), encoding="utf-8")
        resolute("suite", "run", suite, "--store", cls.store, "--slots", 2)
        jobs = json.loads(resolute("suite", "plan", suite, "--store", cls.store, "--json"))["jobs"]
        cls.trainings = {re.search("'(.*)'", job["label"])[1]: job["id"] for job in jobs if job["kind"] == "training"}
        (cls.raw,) = (cls.store / "raw").iterdir()

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def features(self, row, images=None):
        """Those of every raw image, by the evaluator; or of a list."""
        file = self.folder / f"{row}.h5"
        resolute("embed", self.trainings[row], images or self.raw, "--store", self.store, "--out", file)
        return file

    def export(self, row, *options):
        return subprocess.run([PROGRAM, "export", "onnx", self.trainings[row], "--store", self.store, "--out",
                               self.folder / f"{row}.onnx", "--json", *options], capture_output=True, text=True, timeout=300)

    def run_reader(self, script):
        """What the Python of the readers prints, by line."""
        answer = subprocess.run([reader_python(), "-c", f"RAW, HEIGHT, WIDTH = {str(self.raw)!r}, {self.height}, {self.width}\n"
                                 f"{COMPARE}\n{script}"], capture_output=True,
                                text=True, timeout=300)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        return [float(line) for line in answer.stdout.splitlines()]



class Weights(Trained):
    rows = "".join(ROW.format(trunk, METHOD_OF_TRUNK[trunk], trunk) for trunk in TRUNKS) + OTHER_ROWS

    @unittest.skipUnless("resnet50" in TRUNKS, "another trunk is drawn")
    def test_ten_lines_of_pytorch_make_an_evaluations_features(self):
        block = code_block("load_file")
        self.assertEqual(len(block.splitlines()), 10)
        trunks = [str(self.folder / f"trunk{ending}") for ending in (".safetensors", ".pth")]
        for file in trunks:
            resolute("weights", "export", self.trainings["resnet50"], "--store", self.store, "--out", file)
        script = f"""{block}
def of(made):
    return difference(lambda paths: made(torch.from_numpy(images_of(paths))).detach().numpy(), {str(self.features("resnet50"))!r})

print(of(embedder({trunks[0]!r})))
print(of(embedder({trunks[0]!r}, last_stride=2)))
load_file = lambda file: torch.load(file, weights_only=True)
print(of(embedder({trunks[1]!r})))
"""
        safetensors, wrong_stride, torch_file = self.run_reader(script)
        self.assertLess(safetensors, 1e-5)
        self.assertGreater(wrong_stride, 1e-3)  # the comparison can fail
        self.assertEqual(torch_file, safetensors)

    def test_onnxruntime_computes_an_evaluations_features_on_each_trunk(self):
        script = code_block("onnxruntime")
        for row in TRUNKS:
            told = json.loads(self.export(row).stdout)
            self.assertEqual((told["job"], told["height"], told["width"]), (self.trainings[row], 70, 35))
            bytes_of_one = (self.folder / f"{row}.onnx").read_bytes()
            self.export(row)
            self.assertEqual(bytes_of_one, (self.folder / f"{row}.onnx").read_bytes())
            script += f"""
file = {str(self.folder / row)!r}
print(difference(lambda paths: features(file + ".onnx", paths), file + ".h5"))
print(difference(lambda paths: features(file + ".onnx", paths), file + ".h5", images=3))  # any number of images
meta = onnxruntime.InferenceSession(file + ".onnx").get_modelmeta().custom_metadata_map
assert meta["training"] == {self.trainings[row]!r} and meta["mean"] == "0.485,0.456,0.406", meta
"""
            self.features(row)
        differences = self.run_reader(script)
        self.assertEqual(len(differences), 2 * len(TRUNKS))
        for found in differences:
            self.assertLess(found, 1e-5)

    def test_graphs_that_there_are_not_are_refused(self):
        for row, options, problem in (
                ("bf16", (), "a training of precision bf16 has no ONNX graph ("),
                (TRUNKS[0], ("--level", "1"), f"level 1 of method '{METHOD_OF_TRUNK[TRUNKS[0]]}' (it tells no levels of resolution apart)"),
                (TRUNKS[0], ("--side", "low"), f"the low side of method '{METHOD_OF_TRUNK[TRUNKS[0]]}' (images of both sides pass the same "),
                (TRUNKS[0], ("--side", "left"), "--side 'left' (there are high and low)")):
            (self.folder / f"{row}.onnx").unlink(missing_ok=True)
            answer = self.export(row, *options)
            self.assertEqual((answer.returncode, answer.stdout), (2, ""))
            self.assertRegex(answer.stderr, f"^resolute: {re.escape(problem)}.*\n$")
            self.assertFalse((self.folder / f"{row}.onnx").exists())


class GraphsOfMethods(Trained):
    # Sides as a cascade wants them.
    rows, height, width = method_rows(METHODS, drawn(list(METHODS))), 72, 36

    def test_onnxruntime_computes_an_evaluations_features_of_each_level(self):
        script = code_block("onnxruntime")
        count = 0
        for row in self.trainings:
            masks = row.startswith("masks")
            self.features(row)
            found = sorted(path.relative_to(self.raw).as_posix() for path in self.raw.rglob("*")
                           if path.suffix in (".jpg", ".png"))
            lines = "".join(f"{path},1,1,query,3\n" for path in found)
            (self.raw / "lowest.csv").write_text("path,identity,camera,subset,rate\n" + lines, encoding="utf-8")
            for side, rate, level in (("gallery", 1, "0"), ("query", 3, "1")) if masks else (("gallery", 1, "0"),):
                told = json.loads(self.export(row, "--level", level).stdout)
                self.assertEqual((told["height"], told["width"]), (72, 36))
                (self.folder / f"{row}.onnx").rename(self.folder / f"{row}-{level}.onnx")
                if side == "query":
                    self.features(row, self.raw / "lowest.csv")
                features = (self.folder / f"{row}.h5").rename(self.folder / f"{row}-{level}.h5")
                script += f"""
print(difference(lambda paths: features({str(self.folder / f"{row}-{level}.onnx")!r}, paths), {str(features)!r}, side={side!r}))
"""
                count += 1
        differences = self.run_reader(script)
        self.assertEqual(len(differences), count)
        for found in differences:
            self.assertLess(found, 1e-5)

    def test_a_level_that_there_is_not_is_refused(self):
        for row in self.trainings:
            answer = self.export(row, "--level", "4")
            self.assertEqual((answer.returncode, answer.stdout), (2, ""))
            self.assertRegex(answer.stderr, r"^resolute: level 4 of method '\w+' \((its training has levels 1 to 3|it tells no levels .*)\)")


class GraphsOfSides(Trained):
    rows, height, width = method_rows(STREAMS, drawn(list(STREAMS))), 72, 36

    def test_distances_of_onnxruntimes_rows_are_an_evaluations(self):
        script = code_block("onnxruntime") + DISTANCES
        found = sorted(path.relative_to(self.raw).as_posix() for path in self.raw.rglob("*") if path.suffix in (".jpg", ".png"))
        lines = "".join(f"{path},1,1,{'gallery' if at % 3 else 'query'},{1 if at % 3 else 3}\n" for at, path in enumerate(found))
        (self.raw / "sides.csv").write_text("path,identity,camera,subset,rate\n" + lines, encoding="utf-8")
        for row in self.trainings:
            for side in ("high", "low"):
                told = json.loads(self.export(row, "--side", side).stdout)
                self.assertEqual(told["columns"], 2 * (told["dimension"] + 1))
                (self.folder / f"{row}.onnx").rename(self.folder / f"{row}-{side}.onnx")
            script += f"""
print(difference_of_sides({str(self.folder / row)!r}, {str(self.features(row, self.raw / "sides.csv"))!r}, branches={1 if row == "streams" else 2}))
"""
        differences = self.run_reader(script)
        self.assertEqual(len(differences), len(self.trainings))
        for difference in differences:
            self.assertLess(difference, 1e-5)

    def test_a_folder_without_a_query_has_no_pairs(self):
        for row in self.trainings:
            pairs = subprocess.run([PROGRAM, "embed", self.trainings[row], self.raw, "--store", self.store, "--out",
                                    self.folder / "pairs.h5"], capture_output=True, text=True, timeout=300)
            self.assertEqual((pairs.returncode, pairs.stdout), (2, ""))
            self.assertIn("resolute: there is no query among the images (method 'ftwa' compares queries with gallery images in pairs)",
                          pairs.stderr)


if __name__ == "__main__":
    unittest.main()
