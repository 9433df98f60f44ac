"""The notebook docs/python.ipynb, cell by cell in one namespace, as a kernel runs it."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from package import SOURCE, needs_matplotlib

NOTEBOOK = json.loads((SOURCE / "docs/python.ipynb").read_text(encoding="utf-8"))
CELLS = ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
KERNEL = """
import ast, json, sys
space = {"__name__": "__main__"}
for number, cell in enumerate(json.load(sys.stdin)):
    tree = ast.parse(cell, f"cell {number}")
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, f"cell {number}", "exec"), space)
    if last:
        value = eval(compile(ast.Expression(last.value), f"cell {number}", "eval"), space)
        if value is not None:
            print(getattr(value, "_repr_html_", lambda: repr(value))())
"""


@needs_matplotlib
class Notebook(unittest.TestCase):
    def test_it_runs_in_order_and_has_no_output_in_it(self):
        self.assertFalse([cell for cell in NOTEBOOK["cells"] if cell.get("outputs") or cell.get("execution_count")])
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sys.path))}
        with tempfile.TemporaryDirectory() as folder:
            ended = subprocess.run([sys.executable, "-c", KERNEL], input=json.dumps(CELLS), cwd=folder, env=environment, check=False,
                                   capture_output=True, text=True, timeout=300)
            self.assertEqual(0, ended.returncode, ended.stderr)
            self.assertTrue((Path(folder) / "ten-minutes/cmc.pdf").read_bytes().startswith(b"%PDF-"))
        for words in ("(64, 32, 3)", "(8, 3, 64, 32)", "> 0 of 8 jobs done", "> 8 of 8 jobs done", "<td>RAIN, last level alone</td>",
                      "1 trial: no verdict", "'main-people-cmc'"):
            self.assertIn(words, ended.stdout)


if __name__ == "__main__":
    unittest.main()
