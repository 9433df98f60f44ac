"""docs/how_to.md: its commands run one after the other in a folder of their own and do what the page says of them; and
script/bibtex has of CITATION.cff whatever a citation needs.

Usage: how_to_test.py RESOLUTE
"""
import csv
import pathlib
import re
import subprocess
import sys
import unittest

import tutorial_test
from tutorial_test import ROOT, sections_of

PAGE = (ROOT / "docs/how_to.md").read_text(encoding="utf-8")
IMAGES, PYTHON, CPP, FAILED, COST, SEEDS, LATEX, MOVE, DISK, CITE, ACROSS = range(1, 12)
BROKEN = 'worker = ["sh", "-c", "echo my own mistake >&2; exit 1", "sh"]\n'



class HowTo(tutorial_test.TorchFollower):
    def setUp(self):
        super().setUp()
        self.sections = sections_of(PAGE)

    def printed_by(self, number):
        """Follows a section. Returns what its commands print, block by block."""
        printed = []
        for block in self.sections[number]:
            if block.file():
                self.follow_block(block)
            else:
                printed.append(self.run_lines(self.lines_of(block)))
        return printed

    def failing_suite(self):
        """A job that fails for real: the example's suite with a worker that always does, in a store of its own. Returns its id"""
        suite = (self.folder / "street.toml").read_text(encoding="utf-8")
        (self.folder / "failing").mkdir()
        (self.folder / "failing/street.toml").write_text(BROKEN + suite.replace('root = "', 'root = "../'), encoding="utf-8")
        said = self.run_lines(["cd failing; resolute suite run street.toml --store store || test $? = 3"])
        return re.search(r"resolute: `resolute logs ([0-9a-f]{12}) --store \S+store` prints its log, ", said)[1]

    def test_commands_do_what_the_page_says(self):
        drawn, = re.findall(r"`(resolute data synth [^`]*)`", PAGE)
        self.run_lines([drawn])
        self.assertRegex(self.printed_by(IMAGES)[-1], r"\| Baseline +\| +\d+\.\d ± ")
        if self.torch_python():
            printed, = self.printed_by(PYTHON)
            self.assertIn("2 jobs done before, 2 now, 0 failed, 0 unfinished", printed)
            self.assertRegex(printed, r"- `train\.program`: not there → 1, in all 2 rows")
            self.assertNotIn("the same jobs", printed)
        self.check_failure()
        self.assertRegex(self.printed_by(COST)[0], r"GPU-hours, [\d.]+ days on 16 GPUs")
        self.check_seeds()
        self.printed_by(LATEX)
        latex = (self.folder / "tables.tex").read_text(encoding="utf-8")
        self.assertIn("\\begin{tabular}", latex)
        self.assertIn("SING", latex)
        checked, = self.printed_by(MOVE)
        self.assertTrue(checked.endswith(self.run_lines(["resolute suite table street.toml --store store"])), checked)
        self.assertNotIn("FAILED", checked)
        disk, = self.printed_by(DISK)
        for expected in ("street", "in all", "would be packed", ": intact, "):
            self.assertIn(expected, disk)
        self.printed_by(CITE)
        self.assertIn("@misc{resolute", (self.folder / "resolute.bib").read_text(encoding="utf-8"))
        across, = self.printed_by(ACROSS)
        self.assertRegex(across, r"street \(drawn\) rank-1 \|.*street → people \(drawn\) rank-1 \|")

    def check_failure(self):
        job = self.failing_suite()
        lines, = [self.lines_of(block) for block in self.sections[FAILED]]
        for line in lines:
            printed = self.run_lines(["cd failing", line.replace("JOB", job)])
            self.assertIn("my own mistake", printed, line)
            self.assertTrue("attempt-003-stderr" in printed or "suite log" in line, line)

    def check_seeds(self):
        printed, = self.printed_by(SEEDS)
        self.assertIn("6 jobs done before, 4 now", printed)
        self.assertRegex(printed, r"\| Baseline +\| +\d+\.\d ± [\d.]+ \|.*\n\| All triplets +\| +… 2/4 trials")
        trials, metrics = [list(csv.DictReader((self.folder / "csv" / name).read_text(encoding="utf-8").splitlines()))
                           for name in ("trials.csv", "metrics.csv")]
        numbers = {(one["job"], one["metric"]): float(one["value"]) for one in metrics}
        own = [numbers[one["evaluation"], "rank1"] for one in trials if one["row_id"] == "baseline"]
        self.assertEqual(len(own), 4)
        self.assertRegex(printed, rf"\| Baseline +\| +{100 * sum(own) / 4:.1f} ± ")


class Questions(unittest.TestCase):
    def test_each_is_answered_in_few_lines(self):
        sections = re.findall(r"^## (\d+)\. How do I .+\?$|^## (\d+)\. W.+\?$", PAGE, re.MULTILINE)
        self.assertEqual([int(a or b) for a, b in sections], list(range(IMAGES, ACROSS + 1)))
        for text in re.split(r"^## .+$", PAGE, flags=re.MULTILINE)[1:]:
            prose = [line for line in re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL).splitlines() if line]
            self.assertLessEqual(len(prose), 10, text)
            for commands in re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
                self.assertLessEqual(len(commands.splitlines()), 11, text)

    def test_bibtex_has_what_citation_cff_has(self):
        printed = subprocess.run([ROOT / "script/bibtex"], capture_output=True, text=True, check=True).stdout
        cited = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
        self.assertEqual(len(re.findall(r"^@", printed, re.MULTILINE)), 1 + len(re.findall(r"^  - type:", cited, re.MULTILINE)))
        for key in ("title", "family-names", "given-names", "year", "journal", "volume", "version"):
            for value in re.findall(rf'^[ -]*{key}: "?([^"\n]+)"?$', cited, re.MULTILINE):
                self.assertIn(value, printed)
        refused = subprocess.run([ROOT / "script/bibtex", "rain"], capture_output=True, text=True, check=False)
        self.assertEqual((refused.returncode, refused.stdout), (2, ""))
        self.assertIn("unknown argument 'rain'", refused.stderr)


if __name__ == "__main__":
    tutorial_test.Follower.BINARIES = pathlib.Path(sys.argv.pop()).resolve().parent
    unittest.main()
