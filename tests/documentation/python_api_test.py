"""docs/python_api.md: what the docstrings make of it; no public name is without one."""
import ast
import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "script/support"))
import python_api


class PythonApi(unittest.TestCase):
    def test_page_is_what_the_docstrings_make(self):
        self.assertEqual(python_api.page(), python_api.PAGE.read_text(encoding="utf-8"), "run script/support/python_api.py write")

    def test_every_public_name_stands_there(self):
        sys.path.insert(0, str(ROOT / "python"))
        import resolute

        headings = [line.split(" ")[-1] for line in python_api.PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("##")]
        self.assertLessEqual({*resolute.__all__, "Suite.figures", "Pack.rates", "Method.Options", "torchreid_evaluate_rank"}, set(headings))
        self.assertEqual(len(headings), len(set(headings)))
        self.assertFalse([name for name in headings if "_html" in name or name.endswith("__")])

    def test_a_name_without_words_is_refused(self):
        for code in ("def one(): pass", "class One: pass", "class One:\n  'words'\n  def two(self): pass",
                     "class One:\n  'words'\n  @property\n  def two(self): pass"):
            with self.assertRaisesRegex(ValueError, "has no docstring"):
                python_api.entry(ast.parse(code).body[0])


if __name__ == "__main__":
    unittest.main()
