"""Samples of methods in Python: the images and rates of our methods on that trial, with features and, of a class with recover(), how near
its images come to the originals. Process ranks change no byte. A table has the metrics of rows whose class recovers images."""

import csv
import hashlib
import json
import shutil
import subprocess
import typing
import unittest

import h5py
import numpy
from method_test import EXAMPLE, SUITE
from package import MethodTest, left_in

RECOVERS = EXAMPLE + """
import os

class Recovers(Convolutions):
    def recover(self, images, rates):
        assert len(images) <= 16 and set(rates.tolist()) <= {1, 3} and not self.module.training and not torch.is_grad_enabled()
        return {"no copies": {5: images}, "no decoder": {}}.get(os.environ.get("WRONG"), {1: images, 2: torch.zeros_like(images)})
"""
RATES = [1, 3]  # of the sample; each query is asked at rate 2
SAMPLED = SUITE.replace("noisy.py", "recovers.py").replace("steps = 200", "steps = 3").replace("warmup_steps = 10", "warmup_steps = 1") \
    .replace("trials = 1", "trials = 1\nlanes = 2").replace("draws = 5", f"query_rates = [2], sample_rates = {RATES}, sample_identities = 4") \
    .replace("[defaults]", "[[method]]\nid = \"plain\"\npython = \"plain.py\"\n[defaults]") \
    .replace('"mINP"', '"psnr_gain_3"').rsplit("row = ", 1)[0] + """row = [
  { id = "mine", label = "Mine" }, { id = "plain", label = "Plain", method = "plain" }, { id = "rain", label = "RAIN", method = "rain" }]
"""
ROWS = ("recovers", "plain", "device=cpu")  # what their numeric classes begin with


class Samples(MethodTest):
    FILES: typing.ClassVar = {"recovers.py": RECOVERS, "plain.py": EXAMPLE, "mine.toml": SAMPLED}

    def setUp(self):
        self.folders, self.results = {}, {}
        for path in self.calm.glob("jobs/*/*/result.json"):
            result = json.loads(path.read_text())
            if "outputs" not in result:
                continue
            row = next(row for row in ROWS if result["provenance"]["numeric_class"].startswith(row))
            self.folders[row], self.results[row] = path.parent, result
            for name, sha256 in result["outputs"].items():
                self.assertEqual(sha256, hashlib.sha256((path.parent / name).read_bytes()).hexdigest())
        self.assertEqual(sorted(ROWS), sorted(self.folders))

    def arrays(self, row):
        with h5py.File(self.folders[row] / "samples.h5") as file:
            return {name: file[name][:] for name in ("features", "identities", "cameras", "rates", "row")}

    def lines(self, row, scale):
        with open(self.folders[row] / "recovery.csv", newline="") as file:
            return [line for line in csv.DictReader(file) if line["scale"] == str(scale)]

    def test_rows_embed_the_same_images_at_rates_that_no_query_has_too(self):
        ours = self.arrays("device=cpu")
        self.assertEqual((4, RATES), (len(set(ours["identities"])), sorted(set(ours["rates"]))))
        for row, channels in (("recovers", 32), ("plain", 128)):  # widths 8 and 32, four times
            mine = self.arrays(row)
            self.assertEqual((len(ours["row"]), channels), mine["features"].shape)
            for name in ("identities", "cameras", "rates", "row"):
                self.assertTrue(numpy.array_equal(ours[name], mine[name]), name)
            high = mine["features"][mine["rates"] == 1]
            self.assertFalse(numpy.array_equal(high, mine["features"][mine["rates"] == 3]))
            with h5py.File(self.folders[row] / "features.h5") as file:
                ranked = file["gallery/features"][:][numpy.isin(file["gallery/identities"][:], mine["identities"])]
            self.assertTrue(len(ranked) and all(any(numpy.allclose(one, image, rtol=1e-5) for image in high) for one in ranked))

    def test_recovered_images_are_held_against_what_their_decoder_aims_at_as_those_of_our_methods(self):
        shared = ("path", "identity", "camera", "rate", "enlarged_psnr", "enlarged_ssim")
        ours, mine = self.lines("device=cpu", 1), self.lines("recovers", 1)
        self.assertEqual([[line[name] for name in shared] for line in ours], [[line[name] for name in shared] for line in mine])
        self.assertEqual(len(self.arrays("recovers")["row"]), len(mine))
        for line in mine:  # given back as it came
            self.assertEqual((line["enlarged_psnr"], line["enlarged_ssim"]), (line["recovered_psnr"], line["recovered_ssim"]))
        grey = self.lines("recovers", 2)
        self.assertEqual([(line["path"], line["rate"]) for line in mine], [(line["path"], line["rate"]) for line in grey])
        self.assertTrue(all(float(line["recovered_psnr"]) < float(line["enlarged_psnr"]) for line in grey))
        metrics = self.results["recovers"]["metrics"]
        mean = numpy.mean([float(line["enlarged_psnr"]) for line in mine if line["rate"] == "3"])
        self.assertAlmostEqual(mean, metrics["enlarged_psnr_3"])
        self.assertEqual((metrics["enlarged_psnr_3"], 0), (metrics["recovered_psnr_3"], metrics["psnr_gain_3"]))
        self.assertNotIn("recovered_psnr_1", metrics)

    def test_a_class_without_recover_leaves_samples_alone_and_no_number_in_the_table(self):
        self.assertEqual({"queries.csv", "samples.h5"}, self.results["plain"]["outputs"].keys())
        self.assertEqual({"queries.csv", "samples.h5", "recovery.csv"}, self.results["recovers"]["outputs"].keys())
        made = subprocess.run(self.suite("table", self.calm, "--json"), **self.surroundings(), check=True)
        table = json.loads(made.stdout)
        self.assertTrue(table["complete"])
        gains = [next(cell["mean"] for cell in row["cells"] if cell["metric"] == "psnr_gain_3") for row in table["tables"][0]["rows"]]
        self.assertEqual([0, None, True], [gains[0], gains[1], gains[2] != 0])
        made = subprocess.run(self.suite("report", self.calm, "--json"), **self.surroundings(), check=True)
        figures = {figure["id"] for figure in json.loads(made.stdout)["figures"]}
        self.assertLessEqual({f"main-people-{name}" for name in ("mine-recovery", "mine-sample-identity", "plain-sample-identity")}, figures)
        self.assertNotIn("main-people-plain-recovery", figures)
        for wrong, words in (("sample_rates = [1, 3]", "'evaluate.sample_rates' is [1], without 3 for row 'mine'"),
                             ("recovers.py", "no row of table 'main' recovers images")):
            text = SAMPLED.replace(wrong, "plain.py" if wrong == "recovers.py" else "sample_rates = [1]")
            (self.folder / "wrong.toml").write_text(text.replace(', { id = "rain", label = "RAIN", method = "rain" }', ""))
            ended = subprocess.run(self.suite("plan", self.folder / "none", file="wrong.toml"), **self.surroundings(), check=False)
            self.assertEqual((2, 1), (ended.returncode, len(ended.stderr.splitlines())), ended.stderr)
            self.assertIn(words, ended.stderr)

    def test_two_process_ranks_leave_the_same_bytes(self):
        store = self.folder / "ranks"
        ran = subprocess.run(self.suite("run", store, "--slots", "2", "--set", "ranks=2"), **self.surroundings(), check=False)
        self.assertEqual(0, ran.returncode, ran.stderr)
        self.assertEqual(left_in(self.calm), left_in(store))  # result.json names the hash of each output

    def test_what_recover_gives_decides_and_a_scale_that_the_pack_lacks_is_refused(self):
        store = self.folder / "wrong"
        shutil.copytree(self.calm, store)
        folder = store / self.folders["recovers"].relative_to(self.calm)
        for wrong, code in (("no copies", 2), ("no decoder", 0)):
            (folder / "result.json").unlink(missing_ok=True)
            surroundings = self.surroundings()
            surroundings["env"] = {**surroundings["env"], "WRONG": wrong}
            ended = subprocess.run(["python", "-m", "resolute", "work", "recovers.py", "run", "--store", store, "--job", folder.name],
                                   **surroundings, check=False)
            self.assertEqual((code, code // 2), (ended.returncode, len(ended.stderr.splitlines())), ended.stderr)
            if code:
                self.assertTrue(ended.stderr.startswith("recovers: pack 'people' has no rate 5 (the method recovers images"), ended.stderr)
            else:
                result = json.loads((folder / "result.json").read_text())
                self.assertEqual({"queries.csv", "samples.h5"}, result["outputs"].keys())
                self.assertNotIn("psnr_gain_3", result["metrics"])


if __name__ == "__main__":
    unittest.main()
