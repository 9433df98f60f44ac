"""The LaTeX of every golden table compiles without a warning of TeX, and so do the tables of every suite that needs no weights,
before anything ran, tables of many columns and long labels, every table of papers.toml, whose numbers are all in it, and every
letter that is not named as one that pdflatex refuses, in a label and in a row's own LaTeX.

Usage: latex_compiles_test.py RESOLUTE
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import unicodedata
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = sorted((ROOT / "tests/golden/tables").glob("*.tex"))
PAPERS = ROOT / "experiments/reference/papers.toml"
PAPER = r"""\documentclass[a4paper]{article}
\usepackage[margin=5mm,landscape]{geometry}
\usepackage{booktabs,siunitx,threeparttable,xcolor}
\extrafloats{200}
\begin{document}
\scriptsize
\input{table}
\end{document}
"""

SMALL = """suite = "reference"
title = "A table of a paper"
[defaults]
method = "baseline"
backbone = "resnet-small"
height = 32
width = 16
rates = [2, 3]
train = { steps = 10, identities = 4, images = 2, train_rates = [2, 3], pad = 2 }
split.query_rates = [2, 3]
"""
DATASET = """[[dataset]]
id = "{0}"
source = "synthetic"
identities = 12
images_per_camera = 3
image_height = 32
image_width = 16
"""

PROGRAM = sys.argv.pop()


def suite_of(results, labels, metrics):
    """A suite whose table shows `results`, all of one paper's table: a row of each variant, or one row and the others as
    published."""
    datasets = list(dict.fromkeys(result["dataset"] for result in results))
    printed = [metric for metric in metrics if any(metric in result.get("metrics", {}) for result in results)]
    methods = [result["method"] for result in results]
    rows = dict.fromkeys((result["method"], result["variant"]) for result in results)
    by_variant = any(variant for _, variant in rows)
    if not by_variant:  # the row needs a number on each data set
        rows = [(max(methods, key=methods.count), "")]
    of_ours = ", ".join(f"{dataset} = {json.dumps(dataset)}" for dataset in datasets)
    lines = [DATASET.format(dataset) for dataset in datasets]
    lines += ["[[table]]", 'id = "t"', f"title = {json.dumps(results[0]['paper'] + ', ' + results[0]['table'])}",
              f"metrics = {json.dumps(printed or metrics[:1])}", f"datasets = {json.dumps(datasets)}",
              f"published = {json.dumps(not by_variant)}",
              f"reference = {{ paper = \"{results[0]['paper']}\", table = \"{results[0]['table']}\", datasets = {{ {of_ours} }} }}"]
    for number, (method, variant) in enumerate(rows):
        lines += ["[[table.row]]", f'id = "row{number}"', f"label = {json.dumps((labels[method] + ' ' + variant).strip())}",
                  f"reference = {{ method = {json.dumps(method)}, variant = {json.dumps(variant)} }}"]
    return SMALL + "\n".join(lines) + "\n"


def suite_of_letters(letters, own):
    """A suite whose rows have these letters in their labels, or in their own LaTeX, between two x."""
    lines = [DATASET.format("set"), "[[table]]", 'id = "t"', 'title = "Letters"', 'metrics = ["rank1"]', 'datasets = ["set"]']
    for at in range(0, len(letters), 24):
        text = json.dumps("".join(f"x{letter}x" for letter in letters[at:at + 24]), ensure_ascii=False)
        lines += ["[[table.row]]", f'id = "row{at}"', f'label = "row {at}"\nlatex = {text}' if own else f"label = {text}"]
    return SMALL + "\n".join(lines) + "\n"


class LatexCompiles(unittest.TestCase):
    def setUp(self):
        self.assertTrue(shutil.which("pdflatex"), "pdflatex is missing: script/test --all installs it")

    def compile(self, table: bytes):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "table.tex").write_bytes(table)
            fonts = r"\usepackage[T1]{fontenc}"
            paper = PAPER.replace("\n", f"\n{fonts}\n", 1) if fonts in table.decode().split("\n")[0] else PAPER
            Path(folder, "paper.tex").write_text(paper, encoding="utf-8")
            for _ in range(2):  # labels are known the second time
                done = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"],
                                      cwd=folder, capture_output=True, text=True, errors="replace")
                self.assertEqual(done.returncode, 0, done.stdout[-2000:])
            log = Path(folder, "paper.log").read_text(encoding="utf-8", errors="replace")
            self.assertEqual(re.findall(r".*(?:Warning|Missing character|Undefined|Overfull).*", log), [])
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
                text = suite.read_text(encoding="utf-8")
                # The catalogue asks for images and weights but in its smoke profile.
                smoke = ["--profile", "smoke"] if "[profiles.smoke]" in text or "include = [" in text else []
                made = subprocess.run([PROGRAM, "suite", "table", suite, "--store", store, "--format", "latex", *smoke],
                                      capture_output=True, env={"PKU_REID": store})
                if made.returncode == 0:
                    self.compile(made.stdout)
                    compiled += 1
                else:
                    self.assertIn(b"weights", made.stderr)
        self.assertGreaterEqual(compiled, 14)

    def test_tables_of_many_columns_and_long_labels(self):
        label = "Masks from a standard normal draw, at the networks' rate of the paper's recipe, "
        for datasets in (["people"], ["people", "others"], [f"a-set-with-a-long-name-{number}" for number in range(5)]):
            with self.subTest(len(datasets)), tempfile.TemporaryDirectory() as store:
                rows = [f"[[table.row]]\nid = \"r{number}\"\nlabel = \"{label}{number}\"\n" for number in range(2)]
                suite = Path(store, "suite.toml")
                suite.write_text(SMALL + "".join(DATASET.format(dataset) for dataset in datasets) + "".join([
                    '[[table]]\nid = "t"\ntitle = "T"\ncompare_with = "r0"\n', f"datasets = {json.dumps(datasets)}\n",
                    'metrics = ["rank1", "rank5", "rank10", "rank20", "mAP", "mINP", "rank1_best_on_test"]\n', *rows]), encoding="utf-8")
                self.compile(subprocess.run([PROGRAM, "suite", "table", suite, "--store", store, "--format", "latex"],
                                            capture_output=True, env={}, check=True).stdout)

    def test_every_table_of_the_papers_with_every_number(self):
        papers = tomllib.loads(PAPERS.read_text(encoding="utf-8"))
        labels = {method["id"]: method["label"] for method in papers["method"]}
        tables = {(table["paper"], table["id"]): [] for table in papers["table"]}
        for result in papers["result"]:
            tables[result["paper"], result["table"]].append(result)
        compiled = set()
        for name, results in tables.items():
            if not results:  # figures of galleries: no number is printed
                continue
            with self.subTest(name), tempfile.TemporaryDirectory() as store:
                suite = Path(store, "suite.toml")
                suite.write_text(suite_of(results, labels, papers["meta"]["metrics"]), encoding="utf-8")
                made = subprocess.run([PROGRAM, "suite", "table", suite, "--store", store, "--format", "latex", "--with-references"],
                                      capture_output=True, env={}, check=False)
                self.assertEqual(made.returncode, 0, made.stderr)
                self.compile(made.stdout)
                # Nothing ran: the numbers are the paper's.
                cells = re.findall(r"(?<=& )\d+\.\d+(?= )", made.stdout.decode())
                numbers = [str(value) for result in results for value in result.get("metrics", {}).values()]
                self.assertEqual(sorted(cells), sorted(numbers))
                compiled.add(name)
        self.assertEqual(compiled, {(result["paper"], result["table"]) for result in papers["result"]})

    def test_every_letter_that_is_not_named(self):
        assigned = [chr(point) for point in range(0xA0, 0x3000) if unicodedata.category(chr(point)) not in ("Cc", "Cn")]
        for own, most in ((False, 500), (True, 250)):
            letters = assigned if own else [chr(point) for point in range(0x20, 0x7F)] + assigned
            with self.subTest(own=own), tempfile.TemporaryDirectory() as store:
                suite = Path(store, "suite.toml")

                def table():
                    suite.write_text(suite_of_letters(letters, own), encoding="utf-8")
                    return subprocess.run([PROGRAM, "suite", "table", suite, "--store", store, "--format", "latex"],
                                          capture_output=True, env={}, check=True).stdout

                named = set(re.findall(r"\(U\+([0-9A-F]{4})\)", table().decode().split("\n")[0]))
                letters = [letter for letter in letters if f"{ord(letter):04X}" not in named]
                self.assertGreater(len(letters), most)
                self.compile(table())


if __name__ == "__main__":
    unittest.main()
