"""bench/RESULTS.md is the page that the rows of bench/results.jsonl give, and measured figures become rows."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))
import results_page  # noqa: E402


def lines(*rows):
    common = {"date": "2026-01-02", "machine": "one", "command": "script/bench startup", "ours": 2.0, "unit": "s"}
    return results_page.table([{**common, **row} for row in rows])[2:]


class Page(unittest.TestCase):
    def test_it_is_what_the_rows_give(self):
        kept = results_page.PAGE.read_text(encoding="utf-8")
        self.assertEqual(results_page.page(results_page.read(), kept), kept, "bench/results_page.py write")
        tables = [line for line in kept.partition(results_page.GPU)[0].splitlines() if line.startswith("| ")]
        self.assertEqual({line.count(" |") for line in tables}, {8})

    def test_pages_link_to_headings_that_it_has(self):
        headings = re.findall(r"^## (.+)$", results_page.PAGE.read_text(encoding="utf-8"), re.MULTILINE)
        anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
        linked = {anchor for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("methods/**/*.md")]
                  for anchor in re.findall(r"RESULTS\.md#([\w-]+)", page.read_text(encoding="utf-8"))}
        self.assertTrue(linked)
        self.assertLessEqual(linked, anchors)

    def test_a_missed_bar_is_shown_and_repeated_cells_are_left_out(self):
        self.assertEqual(lines({"name": "first", "peer": 1.0, "ratio": 0.5, "bar": 1.0}, {"name": "as text", "ours": "9 s", "bar": "8 s", "met": False},
                               {"name": "third", "revision": "abc", "conditions": "quiet", "ratio": 1.0, "bar": 1.0}),
                         ["| 2026-01-02 | `script/bench startup` | `first` | 2 s | 1 s | 0.50 | 1.00, **missed** | |",
                          "| | | as text | 9 s | | | 8 s, **missed** | |",
                          "| 2026-01-02 at abc; quiet | `script/bench startup` | `third` | 2 s | | 1.00 | 1.00 | |"])

    def test_newer_rows_come_first_and_the_part_of_gpus_stays(self):
        rows = [{"date": date, "machine": machine, "command": "c", "name": f"n{date}", "ours": "1"}
                for date, machine in (("2026-01-01", "old"), ("2026-01-03", "new"), ("2026-01-02", "old"))]
        page = results_page.page(rows, f"# Before\n\n{results_page.GPU}\nkept\n")
        self.assertEqual(re.findall(r"^## (\w+)|(n2026-01-0\d)|(kept)", page, re.MULTILINE),
                         [("new", "", ""), ("", "n2026-01-03", ""), ("old", "", ""), ("", "n2026-01-02", ""), ("", "n2026-01-01", ""),
                          ("GPU", "", ""), ("", "", "kept")])

    def test_figures_of_a_benchmark_become_rows(self):
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "bench"
            copy.mkdir()
            for name in ("results_page.py", "results.jsonl", "RESULTS.md"):
                shutil.copy(ROOT / "bench" / name, copy)
            git = ["git", "-C", folder, "-c", "user.name=a", "-c", "user.email=a@localhost"]
            for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "bench: begin"]):
                subprocess.run([*git, *words], check=True)
            figures = {"figures": [{"name": "help", "ours": 5.0, "peer": 4.0, "unit": "ms", "ratio": 0.8, "bar": None}]}
            subprocess.run([copy / "results_page.py", "add", "a machine", "script/bench startup"], input=json.dumps(figures), text=True, check=True)
            self.assertIn("| `help` | 5 ms | 4 ms | 0.80 | | |", (copy / "RESULTS.md").read_text(encoding="utf-8"))
            refused = subprocess.run([copy / "results_page.py", "add", "a machine"], capture_output=True, text=True, check=False)
            self.assertEqual((refused.returncode, refused.stderr.partition(":")[0]), (2, "Usage"))


if __name__ == "__main__":
    unittest.main()
