"""The LaTeX of every golden table compiles without a warning of TeX, and so do the tables of every suite that needs no weights,
before anything ran.

Usage: latex_compiles_test.py RESOLUTE
"""

import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = sorted((ROOT / "tests/golden/tables").glob("*.tex"))
PAPER = r"""\documentclass[a4paper]{article}
\usepackage[T1]{fontenc}
\usepackage[margin=5mm,landscape]{geometry}
\usepackage{booktabs,siunitx,threeparttable}
\begin{document}
\scriptsize
\input{table}
\end{document}
"""


PROGRAM = sys.argv.pop()


class LatexCompiles(unittest.TestCase):
    def setUp(self):
        self.assertTrue(shutil.which("pdflatex"), "pdflatex is missing: script/test --all installs it")

    def compile(self, table: bytes):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "table.tex").write_bytes(table)
            Path(folder, "paper.tex").write_text(PAPER, encoding="utf-8")
            for _ in range(2):  # labels are known the second time
                done = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"],
                                      cwd=folder, capture_output=True, text=True, errors="replace")
                self.assertEqual(done.returncode, 0, done.stdout[-2000:])
            log = Path(folder, "paper.log").read_text(encoding="utf-8", errors="replace")
            self.assertEqual(re.findall(r".*(?:Warning|Missing character|Undefined).*", log), [])
            self.assertTrue(Path(folder, "paper.pdf").is_file())

    def test_every_golden_table(self):
        self.assertGreaterEqual(len(GOLDEN), 7)
        for golden in GOLDEN:
            with self.subTest(golden.name):
                self.compile(golden.read_bytes())

    def test_the_tables_of_suites_before_anything_ran(self):
        compiled = 0
        for suite in sorted((ROOT / "experiments/suites").glob("*.toml")):
            with self.subTest(suite.name), tempfile.TemporaryDirectory() as store:
                made = subprocess.run([PROGRAM, "suite", "table", suite, "--store", store, "--format", "latex"],
                                      capture_output=True, env={"PKU_REID": store})
                if made.returncode == 0:
                    self.compile(made.stdout)
                    compiled += 1
                else:
                    self.assertIn(b"weights", made.stderr)
        self.assertGreaterEqual(compiled, 8)


if __name__ == "__main__":
    unittest.main()
