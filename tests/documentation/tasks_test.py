"""docs/start.md, own_method.md, outputs.md and the questions of guide.md: their commands run one after the other in a folder of their
own and do what the pages say of them; and script/bibtex has of CITATION.cff whatever a citation needs.

Usage: tasks_test.py RESOLUTE
"""
import csv
import os
import pathlib
import re
import sqlite3
import subprocess
import sys
import unittest
import zipfile

import guide_test
from guide_test import PAGE, ROOT, TASKS, sections_of

START, OWN_METHOD, OUTPUTS = ((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("start.md", "own_method.md", "outputs.md"))
PROGRAMS, PHOTOGRAPHS, TABLE, SWEEP, LOOK = range(1, 6)  # of start.md
CLASS, ROW = range(1, 3)  # of own_method.md
CPP, FAILED, COST, SEEDS, LATEX, MOVE, DISK, CITE, ACROSS, SEARCH = TASKS
BROKEN = 'worker = ["sh", "-c", "echo my own mistake >&2; exit 1", "sh"]\n'


class Tasks(guide_test.TorchFollower):
    def printed_by(self, number, sections=None):
        """Follows a section. Returns what its commands print, block by block."""
        printed = []
        for block in (sections or self.sections)[number]:
            if block.file():
                self.follow_block(block)
            elif block.kind == "sh":
                printed.append(self.run_lines(self.lines_of(block)))
        return printed

    def failing_suite(self):
        """A job that fails for real: the example's suite with a worker that always does, in a store of its own. Returns its id"""
        suite = (self.folder / "street.toml").read_text(encoding="utf-8")
        (self.folder / "failing").mkdir()
        (self.folder / "failing/street.toml").write_text(BROKEN + suite.replace('root = "', 'root = "../'), encoding="utf-8")
        said = self.run_lines(["cd failing; resolute suite run street.toml --store store || test $? = 3"])
        return re.search(r"resolute: `resolute logs ([0-9a-f]{12}) --store \S+store` prints its log, ", said)[1]

    def test_commands_do_what_the_pages_say(self):
        self.check_start()
        if self.torch_python():
            self.check_own_method()
        else:
            self.assertNotIn("RESOLUTE_NEEDS_TORCH_PYTHON", os.environ, "no Python with PyTorch in the cache folder")
        self.check_failure()
        self.assertRegex(self.printed_by(COST)[0], r"GPU-hours in f32, .*; [\d.]+ (days|hours) on 16 GPUs")
        self.check_outputs()
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
        searched, = self.printed_by(SEARCH)
        self.assertRegex(searched, r"search 'trials' on .* of the grid's \d+ steps")
        # Other pages for people who write suites begin with a file that is whole.
        for page, options, planned in (("search.md", "", "14800 of the grid's 57600 steps (26 %)"),
                                       ("suite.md", "--datasets easy", "trainings 6 (")):
            text = (ROOT / "docs" / page).read_text(encoding="utf-8")
            name, suite = re.search(r"`(\w+\.toml)`[^`]*```toml\n(.*?)^```$", text, re.DOTALL | re.MULTILINE).groups()
            (self.folder / name).write_text(suite, encoding="utf-8")
            self.assertIn(planned, self.run_lines([f"resolute suite plan {name} --store store {options}"]), page)

    def check_start(self):
        sections = sections_of(START)
        self.assertEqual(sorted(sections), [PROGRAMS, PHOTOGRAPHS, TABLE, SWEEP, LOOK])
        self.printed_by(PHOTOGRAPHS, sections)
        printed = self.printed_by(TABLE, sections)[-1]
        self.assertIn("0 jobs done before, 10 now, 0 failed, 0 unfinished", printed)
        self.assertRegex(printed, r"\| Baseline +\| +\d+\.\d ± ")
        printed = self.printed_by(SWEEP, sections)[-1]
        self.assertIn("2 jobs done before, 16 now, 0 failed, 0 unfinished", printed)
        self.assertRegex(printed, r"\| Weight 0\.1 +\| +[-+]\d.*2 trials: no verdict")
        looked, = self.printed_by(LOOK, sections)
        self.assertIn("sweep/report.html: ", looked)
        self.assertIn("rain.adversarial_weight", looked)

    def check_own_method(self):
        sections = sections_of(OWN_METHOD)
        self.printed_by(CLASS, sections)
        printed, = self.printed_by(ROW, sections)
        self.assertIn("6 jobs done before, 4 now, 0 failed, 0 unfinished", printed)
        self.assertRegex(printed, r"\| Three convolutions +\| +[-+]\d+\.\d \[")

    def check_outputs(self):
        for commands in re.findall(r"^```sh\n(.*?)^```$", OUTPUTS, re.MULTILINE | re.DOTALL):
            self.run_lines(commands.splitlines())
        with sqlite3.connect(self.folder / "street.sqlite") as database:
            relations = {name for name, in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        named = {name for line in re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| ", OUTPUTS.split("| relation |")[1].split("\n\n")[0], re.MULTILINE)
                 for name in re.findall(r"`(\w+)`", line)}
        self.assertEqual(relations, named)
        self.assertEqual({path.stem for path in (self.folder / "numbers").glob("*.csv")}, named)
        self.assertIn("street/suite.toml", zipfile.ZipFile(self.folder / "street.zip").namelist())
        self.assertIn("\\begin{tabular}", (self.folder / "street.tex").read_text(encoding="utf-8"))

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
        self.assertEqual([int(a or b) for a, b in sections], list(TASKS))
        for text in re.split(r"^## .+$", PAGE, flags=re.MULTILINE)[TASKS[0]:]:
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
    guide_test.Follower.BINARIES = pathlib.Path(sys.argv.pop()).resolve().parent
    unittest.main()
