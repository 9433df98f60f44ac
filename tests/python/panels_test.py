"""Panels of methods in Python: the same queries as those of our methods on that trial, galleries in the order of the scores, and what
recover() makes of LR images between these and the HR ones. What recover() gives wrong ends the job with one line."""

import hashlib
import json
import shutil
import subprocess
import typing
import unittest

from method_test import EXAMPLE, SUITE
from package import MethodTest

RECOVERS = EXAMPLE + """
import os

class Recovers(Convolutions):
    asked = 0

    def recover(self, images, rates):
        assert images.shape == (1, 3, 64, 32) and int(rates[0]) > 1 and not self.module.training and not torch.is_grad_enabled()
        self.asked += 1
        given = {1: images, 2: torch.zeros_like(images)}
        return {"no dict": images, "no scale": {17: images}, "no size": {1: images[:, :, ::2]}, "no images": {1: None},
                "no number": {1: images / 0}, "no constancy": {self.asked: images}}.get(os.environ.get("WRONG"), given)
"""
PANELS = SUITE.replace("noisy.py", "recovers.py").replace("steps = 200", "steps = 3").replace("warmup_steps = 10", "warmup_steps = 1") \
    .replace("draws = 5", "panels = 3, protocol = \"whole-gallery\"") \
    .replace("[defaults]", "[[method]]\nid = \"plain\"\npython = \"plain.py\"\n[defaults]").rsplit("row = ", 1)[0] + """row = [
  { id = "mine", label = "Mine" }, { id = "plain", label = "Plain", method = "plain" }, { id = "rain", label = "RAIN", method = "rain" }]
"""
ROWS = ("recovers", "plain", "device=cpu")  # what their numeric classes begin with


class Panels(MethodTest):
    FILES: typing.ClassVar = {"recovers.py": RECOVERS, "plain.py": EXAMPLE, "mine.toml": PANELS}

    def setUp(self):
        self.folders, self.panels = {}, {}
        for path in self.calm.glob("jobs/*/*/result.json"):
            result = json.loads(path.read_text())
            if "panels/panels.json" not in result.get("outputs", {}):
                continue
            row = next(row for row in ROWS if result["provenance"]["numeric_class"].startswith(row))
            self.folders[row], self.panels[row] = path.parent, json.loads((path.parent / "panels/panels.json").read_text())
            for name, sha256 in result["outputs"].items():
                self.assertEqual(sha256, hashlib.sha256((path.parent / name).read_bytes()).hexdigest())
            pictures = {"panels/" + picture.name for picture in path.parent.glob("panels/*")}
            self.assertEqual(pictures | {"queries.csv"}, result["outputs"].keys())
        self.assertEqual(sorted(ROWS), sorted(self.panels))

    def test_rows_show_the_same_queries_in_a_report(self):
        shown = [[(query["path"], query["rate"], query["camera"]) for query in self.panels[row]["queries"]] for row in ROWS]
        self.assertEqual(3, len(shown[0]))
        self.assertEqual([shown[0]] * 3, shown)
        made = subprocess.run(self.suite("report", self.calm, "--json"), **self.surroundings(), check=False)
        self.assertEqual(0, made.returncode, made.stderr)
        self.assertEqual([3] * 3, [len(query["rows"]) for query in json.loads(made.stdout)["galleries"]])

    def test_galleries_stand_in_the_order_of_the_scores(self):
        for row in ("recovers", "plain"):
            lines = (self.folders[row] / "queries.csv").read_text().splitlines()
            columns = lines[0].split(",")
            scores = {line.split(",")[0]: dict(zip(columns, line.split(","))) for line in lines[1:]}
            for query in self.panels[row]["queries"]:
                for k in (1, 5, 10, 20):
                    self.assertEqual(int(scores[query["path"]][f"rank{k}"]), int(query["rank"] <= k))
                for place, image in enumerate(query["ranked"][:query["rank"]], 1):
                    self.assertEqual(place == query["rank"], image["right"])

    def test_recovered_images_are_measured_against_the_original(self):
        for query in self.panels["recovers"]["queries"]:
            made = query["reconstruction"]
            self.assertEqual([2, 1], [one.pop("scale") for one in made["recovered"]])
            self.assertEqual(made["input"], made["recovered"][1])  # as it was given
            self.assertLess(made["recovered"][0]["psnr"], made["input"]["psnr"])  # one colour
        self.assertTrue((self.folders["recovers"] / "panels/reconstruction-002.png").exists())
        self.assertEqual([None] * 3, [query["reconstruction"] for query in self.panels["plain"]["queries"]])
        self.assertFalse(list(self.folders["plain"].glob("panels/reconstruction-*")))

    def test_what_recover_gives_wrong_is_told_in_one_line(self):
        store = self.folder / "wrong"
        shutil.copytree(self.calm, store)
        folder = store / self.folders["recovers"].relative_to(self.calm)
        left = (folder / "result.json").read_bytes()
        for wrong, words in ((None, None), ("no dict", "(it gives images by the rate whose look they have, 1 to 16)"),
                             ("no scale", "gives {17: "), ("no size", "gives 1×3×32×32 at scale 1 (for images of 1×3×64×32)"),
                             ("no images", "gives None at scale 1"), ("no number", "numbers at scale 1 that are not finite"),
                             ("no constancy", "gives scales [2] (and [1] before)")):
            (folder / "result.json").unlink(missing_ok=True)
            surroundings = self.surroundings()
            surroundings["env"] = {**surroundings["env"], **({"WRONG": wrong} if wrong else {})}
            ended = subprocess.run(["python", "-m", "resolute", "work", "recovers.py", "run", "--store", store, "--job", folder.name],
                                   **surroundings, check=False)
            if wrong is None:
                self.assertEqual((0, left), (ended.returncode, (folder / "result.json").read_bytes()), ended.stderr)
                continue
            self.assertEqual((2, 1), (ended.returncode, len(ended.stderr.splitlines())), ended.stderr)
            self.assertTrue(ended.stderr.startswith("recovers: recover() of Recovers gives "), ended.stderr)
            self.assertIn(words, ended.stderr)
            self.assertFalse((folder / "result.json").exists())


if __name__ == "__main__":
    unittest.main()
