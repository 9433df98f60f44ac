"""What the scripts build: known to the build, no more than what they run.

Usage: targets_test.py BUILD_FOLDER
"""

import re
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = sys.argv.pop()
PRODUCT = ["resolute", "resolute-worker", "resolute_python"]


def programs():
    """The list in script/bench: area → programs."""
    text = (ROOT / "script/bench").read_text(encoding="utf-8")
    return {area: names.split() for area, names in re.findall(r'^  \[(\w+)\]="(.*)"$', text, re.MULTILINE)}


def ninja(tool, *arguments):
    return subprocess.run(["ninja", "-C", BUILD, "-t", tool, *arguments], check=True, capture_output=True, text=True).stdout


class Targets(unittest.TestCase):
    def test_the_product_needs_nothing_of_tests_and_benchmarks(self):
        # Sources by their absolute paths, what is made of them by paths in the build folder.
        folders = {line.removeprefix(f"{ROOT}/").split("/")[0] for line in ninja("inputs", *PRODUCT).splitlines()}
        self.assertIn("cli", folders)
        self.assertEqual(folders & {"tests", "bench"}, set())

    def test_an_area_names_targets(self):
        known = {line.split(":")[0] for line in ninja("targets", "all").splitlines()}
        self.assertIn("resolute", known)
        self.assertGreaterEqual(len(programs()), 9)
        for area, names in programs().items():
            with self.subTest(area):
                # A build folder without benchmarks knows none of theirs.
                self.assertFalse([name for name in names if name not in known and
                                  (not name.startswith("bench_") or "bench_training" in known)])

    def test_an_area_names_what_its_script_runs(self):
        for area, names in programs().items():
            with self.subTest(area):
                text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "bench").glob(f"*/{area}*.py"))
                run = re.findall(r'(?:programs / |program\()"([\w-]+)"', text)
                self.assertEqual(set(run) - set(names), set())
                # `resolute` starts the worker: no script needs to name it.
                started = {"resolute-worker"} if "resolute" in run else set()
                if run:
                    self.assertEqual(set(names) - started, set(run) - started)

    def test_an_unknown_area_is_refused_with_all_that_there_are(self):
        refused = subprocess.run([ROOT / "script/bench", "nonsense"], capture_output=True, text=True, check=False)
        self.assertEqual(refused.returncode, 2)
        self.assertEqual(refused.stderr, "resolute: unknown area 'nonsense'; give one of: " + ", ".join(sorted(programs())) + "\n")


if __name__ == "__main__":
    unittest.main()
