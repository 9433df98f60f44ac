"""script/bench --all: every area once, what is there already not again, and a word for each that has no figures."""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))
import results_page  # noqa: E402

# Areas that each note that they ran.
AREAS = """#!/usr/bin/env bash
echo "$1" >> "$(dirname "$0")/ran"
case $1 in
  fails) exit 3 ;;
  hangs) sleep 600 ;;
  chatty) echo "no JSON" ;;
  *) echo '{"figures": [{"name": "'"$1"'_figure", "ours": 1.0, "peer": 2.0, "unit": "s", "ratio": 2.0, "bar": 3.0}]}' ;;
esac
"""


class All(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)
        (self.folder / "bench").write_text(AREAS, encoding="utf-8")
        (self.folder / "bench").chmod(0o755)

    def run_all(self, areas, *options):
        return subprocess.run([sys.executable, ROOT / "bench/all_areas.py", areas, "--bench", self.folder / "bench", "--results",
                               self.folder / "results", *options], capture_output=True, text=True, timeout=120)

    def ran(self):
        return (self.folder / "ran").read_text().split()

    def test_the_longest_areas_come_last(self):
        run = self.run_all("build,training,apart,other")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(self.ran(), ["apart", "other", "training", "build"])
        self.assertEqual([line.split()[0] for line in run.stdout.splitlines()[1:]],
                         ["apart_figure", "other_figure", "training_figure", "build_figure"])
        self.assertEqual(run.stdout.count("missed"), 4)

    def test_an_area_without_figures_is_named_and_the_others_go_on(self):
        run = self.run_all("chatty,fails,good")
        self.assertEqual(run.returncode, 1)
        self.assertIn("good_figure", run.stdout)
        self.assertIn("resolute: 'fails' has no figures (it ended with 3); run script/bench fails", run.stderr)
        self.assertIn("resolute: 'chatty' has no figures (it printed no JSON", run.stderr)

    def test_what_does_not_fit_into_the_time_is_named(self):
        run = self.run_all("hangs,later", "--minutes", "0.03")
        self.assertEqual(run.returncode, 1)
        self.assertIn("'hangs' has no figures (it did not end within 2 s)", run.stderr)
        self.assertIn("'later' has no figures (no time was left)", run.stderr)

    def test_a_run_that_was_cut_off_goes_on_and_figures_of_another_commit_are_made_again(self):
        self.run_all("first,fails")
        self.run_all("first,fails,second")
        self.assertEqual(self.ran(), ["fails", "first", "fails", "second"])
        kept = self.folder / "results/first.json"
        document = json.loads(kept.read_text())
        self.assertEqual(document["machine"], results_page.machine())
        for damaged in (json.dumps({**document, "revision": "0000000"}), json.dumps({**document, "machine": "another"}), "{", "[]"):
            kept.write_text(damaged, encoding="utf-8")
            before = len(self.ran())
            self.run_all("first")
            self.assertEqual(self.ran()[before:], ["first"], damaged)

    def test_an_unknown_area_is_refused(self):
        run = self.run_all("first", "--only", "firts")
        self.assertEqual((run.returncode, run.stdout), (2, ""))
        self.assertIn("unknown area 'firts'; give some of: first", run.stderr)


if __name__ == "__main__":
    unittest.main()
