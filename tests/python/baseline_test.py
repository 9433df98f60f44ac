"""The baseline written in Python learns what ours learns: from the same start on the same batches, the losses of twenty steps agree to
1e-5, and both are rows of one table."""

import json
import subprocess
import tempfile
import unittest
from pathlib import Path

from package import BUILD, SOURCE, method_environment, torch_python

SUITE = f"""suite = "baselines"
title = "The baseline in two languages"
[[method]]
id = "twin"
python = "{SOURCE}/experiments/examples/baseline_method.py"
[defaults]
method = "baseline"
baseline.mining = "batch-hard"
trials = 1
height = 64
width = 32
backbone = "resnet-small"
train = {{ steps = 20, identities = 4, images = 4, erasing = 0.5, warmup_steps = 5, label_smoothing = 0.1 }}
evaluate = {{ draws = 5 }}
[[dataset]]
id = "people"
source = "synthetic"
identities = 16
images_per_camera = 4
image_height = 64
image_width = 32
shards = 1
[[table]]
id = "main"
title = "Baselines"
metrics = ["rank1", "mAP"]
datasets = ["people"]
"""
START = '  [[table.row]]\n  id = "start"\n  label = "Start"\n  train = { steps = 1, learning_rate = 1e-30, warmup_steps = 0 }\n'
OURS = '  [[table.row]]\n  id = "ours"\n  label = "Ours"\n'
TWIN = '  [[table.row]]\n  id = "twin"\n  label = "Twin"\n  method = "twin"\n  twin.start = "START"\n'


class Baselines(unittest.TestCase):
    def run_rows(self, rows):
        (self.folder / "suite.toml").write_text(self.suite + rows)
        ran = subprocess.run([BUILD / "bin/resolute", "suite", "run", "suite.toml", "--store", "store", "--slots", "1", "--same-suite"],
                             cwd=self.folder, env=self.environment, check=False, capture_output=True, text=True)
        self.assertEqual(0, ran.returncode, ran.stderr)

    def trainings(self):
        """Folders of finished trainings by steps and program."""
        found = {}
        for path in self.folder.glob("store/jobs/*/*/spec.json"):
            job = json.loads(path.read_text())
            if job["kind"] == "training":
                found[job["recipe"]["steps"], "program" in job["recipe"]] = path.parent
        return found

    def losses(self, folder):
        return [json.loads(line)["losses"] for line in (folder / "attempt-001-metrics.jsonl").read_text().splitlines()]

    def test_the_losses_of_twenty_steps_agree(self):
        self.compare(SUITE)

    def test_they_agree_where_an_identity_has_no_labels(self):
        self.compare(SUITE.replace("steps = 20", 'steps = 20, labelled_fraction = 0.9, labelled_by = "identity"'))

    def compare(self, suite):
        python = torch_python()
        if python is None:
            self.skipTest("torch is not there")
        self.suite = suite
        with tempfile.TemporaryDirectory() as scratch:
            self.folder = Path(scratch)
            self.environment = method_environment(python)
            self.run_rows(START + OURS)
            start = next(self.trainings()[1, False].glob("weights-*.safetensors"))
            self.run_rows(START + OURS + TWIN.replace("START", str(start)))
            folders = self.trainings()
            ours, twin = self.losses(folders[20, False]), self.losses(folders[20, True])
            self.assertEqual((20, 20), (len(ours), len(twin)))
            for step, (one, other) in enumerate(zip(ours, twin)):
                self.assertEqual({"classification", "triplet"}, other.keys())
                for name, loss in one.items():
                    self.assertAlmostEqual(loss, other[name], delta=1e-5, msg=f"{name} of step {step + 1}")
            self.assertGreater(ours[0]["classification"], ours[-1]["classification"])


if __name__ == "__main__":
    unittest.main()
