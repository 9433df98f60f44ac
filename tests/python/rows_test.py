"""Methods in Python are rows of one table beside RAIN's: OSNet of torchreid, a ViT of timm, and the baseline written again. With one process
rank or two, killed on the way or not, a suite leaves the same bytes."""

import json
import os
import random
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from package import BUILD, SOURCE, left_in, method_environment, torchreid_python

SUITE = SOURCE / "experiments/examples/python_rows.toml"


class Rows(unittest.TestCase):
    def run_suite(self, store, ranks):
        words = [BUILD / "bin/resolute", "suite", "run", SUITE, "--store", store, "--slots", "2", "--set", "train.steps=10", "--set",
                 f"ranks={ranks}"]
        return subprocess.Popen(words, env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def finish(self, run):
        out, log = run.communicate(timeout=900)
        self.assertEqual(0, run.returncode, log)
        return out

    def workers(self):
        """Process numbers of the suite's Python workers."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                words, variables = ((entry / name).read_bytes().split(b"\0") for name in ("cmdline", "environ"))
            except OSError:
                continue  # it has ended
            if b"resolute" in words and b"work" in words and self.mark in variables:
                found.append(int(entry.name))
        return found

    def test_one_table_and_the_same_bytes_with_one_rank_or_two_killed_or_not(self):
        python = torchreid_python()
        if python is None:
            self.skipTest("torchreid and timm are not there")
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            self.mark = f"RESOLUTE_TEST_MARK={folder.name}".encode()
            self.environment = method_environment(python, RESOLUTE_TEST_MARK=folder.name)
            self.finish(self.run_suite(folder / "calm", 1))
            shown = subprocess.run([BUILD / "bin/resolute", "suite", "table", SUITE, "--store", folder / "calm", "--set",
                                    "train.steps=10", "--json"], env=self.environment, check=True, capture_output=True, text=True).stdout
            rows = json.loads(shown)["tables"][0]["rows"]
            self.assertEqual(["rain", "twin", "osnet", "vit"], [row["id"] for row in rows])
            self.assertTrue(all(cell["mean"] is not None for row in rows for cell in row["cells"]))
            run = self.run_suite(folder / "killed", 2)
            drawn, kills = random.Random(7), 0
            while run.poll() is None and kills < 4:
                time.sleep(drawn.uniform(2, 4))
                if (workers := self.workers()):
                    os.kill(drawn.choice(workers), signal.SIGKILL)
                    kills += 1
            self.finish(run)
            self.assertGreater(kills, 0)
            self.assertEqual(left_in(folder / "calm"), left_in(folder / "killed"))


if __name__ == "__main__":
    unittest.main()
